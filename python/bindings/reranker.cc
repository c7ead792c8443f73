#include "bge/reranker.h"

#include "bge/embedder.h"
#include "bge/error.h"
#include "bge/late_interaction.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/errors.h"
#include "bindings/interruptible.h"
#include "bindings/settings.h"
#include "bindings/text_list.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;

namespace bge::python {

namespace {

using Optional64 = std::optional<int64_t>;
using OptionalText = std::optional<std::string>;

// Reranker with what makes it again in another process.
struct PyReranker {
  std::string model;
  RerankerOptions options;
  Reranker reranker;
};

std::optional<PairStyle> StyleNamed(const OptionalText& name) {
  if (!name) return std::nullopt;
  for (const PairStyle style : {PairStyle::kFlagEmbedding, PairStyle::kCrossEncoder}) {
    if (PairStyleName(style) == *name) return style;
  }
  throw nb::value_error(
      ("pair_style: expected flagembedding or crossencoder, found '" + *name + "'").c_str());
}

Reranker LoadReranker(const std::string& model, RerankerOptions options) {
  std::vector<std::string> warnings;
  options.on_warning = [&](std::string_view message) { warnings.emplace_back(message); };
  std::stop_source stop;
  options.stop = stop.get_token();
  std::optional<Reranker> reranker;
  RunInterruptibly(kLongWork, &stop, [&] { reranker.emplace(Reranker::Load(model, options)); });
  Warn(warnings);
  return std::move(*reranker);
}

void Init(PyReranker* self, const std::string& model, int threads, const OptionalText& pair_style,
          Optional64 max_length, const std::string& dtype, const std::string& packed_cache,
          bool download) {
  const RerankerOptions options = {.threads = threads,
                                   .pair_style = StyleNamed(pair_style),
                                   .max_length = max_length,
                                   .compute_type = ComputeNamed(dtype),
                                   .packed_cache = packed_cache,
                                   .download = download};
  new (self)
      PyReranker{model, options, LoadReranker(Located(model, {.download = download}), options)};
}

// queries and passages, of the same number.
nb::object ComputeScore(const PyReranker& self, nb::handle queries, nb::handle passages,
                        std::optional<bool> normalize, Optional64 max_length,
                        Optional64 query_max_length, const OptionalText& instruction,
                        bool best_window, int64_t batch_tokens, nb::object progress) {
  const TextList left(queries);
  const TextList right(passages);
  if (!left.single() && left.size() != right.size()) {
    throw nb::value_error(("passages: found " + std::to_string(right.size()) + " for " +
                           std::to_string(left.size()) + " queries")
                              .c_str());
  }
  std::vector<TextPair> pairs;
  pairs.reserve(right.size());
  for (size_t i = 0; i < right.size(); ++i) {
    pairs.push_back({left.views()[left.single() ? 0 : i], right.views()[i]});
  }
  std::stop_source stop;
  ProgressCall calls(std::move(progress), &stop);
  const RerankOptions options = {.normalize = normalize,
                                 .max_length = max_length,
                                 .query_max_length = query_max_length,
                                 .instruction = instruction,
                                 .best_window = best_window,
                                 .batch_tokens = batch_tokens,
                                 .progress = calls.Function(),
                                 .stop = stop.get_token()};
  std::vector<float> scores;
  try {
    RunInterruptibly(left.bytes() + right.bytes(), &stop,
                     [&] { scores = self.reranker.ComputeScore(pairs, options); });
  } catch (const Error&) {
    calls.Finish();
    throw;
  }
  calls.Finish();
  const size_t count = scores.size();
  return NewArray(std::move(scores), {count});
}

nb::object Logits(const PyReranker& self, const AnyArray& ids,
                  const std::optional<AnyArray>& type_ids, const AnyArray& cu_seqlens) {
  const OwnSequences sequences(ids, type_ids, cu_seqlens);
  std::stop_source stop;
  std::vector<float> logits;
  RunInterruptibly(4 * ids.size(), &stop,
                   [&] { logits = self.reranker.Logits(sequences.get(), stop.get_token()); });
  const size_t count = logits.size();
  return NewArray(std::move(logits), {count, 1});
}

nb::dict InfoOf(const PyReranker& self) {
  const RerankerInfo& info = self.reranker.info();
  nb::dict d;
  d["path"] = info.path;
  d["encoder_path"] = info.encoder_path;
  d["name"] = info.name;
  d["architecture"] = info.architecture;
  d["num_layers"] = info.num_layers;
  d["hidden_size"] = info.hidden_size;
  d["num_heads"] = info.num_heads;
  d["intermediate_size"] = info.intermediate_size;
  d["vocab_size"] = info.vocab_size;
  d["num_parameters"] = info.num_parameters;
  d["weights_dtype"] = info.weights_dtype;
  d["compute_type"] = std::string(ComputeTypeName(info.compute_type));
  d["pair_style"] = std::string(PairStyleName(info.pair_style));
  d["pair_style_source"] = info.pair_style_source;
  d["max_length"] = info.max_length;
  d["max_length_source"] = info.max_length_source;
  d["max_positions"] = info.max_positions;
  d["activation"] = info.activation;
  d["activation_source"] = info.activation_source;
  d["default_prompt"] = info.default_prompt;
  d["threads"] = self.reranker.threads();
  d["files"] = info.files;
  return d;
}

nb::tuple GetState(const PyReranker& self) {
  const RerankerOptions& o = self.options;
  OptionalText style;
  if (o.pair_style) style = std::string(PairStyleName(*o.pair_style));
  return nb::make_tuple(self.model, o.threads, style, o.max_length, NameOf(o.compute_type),
                        o.packed_cache, o.download);
}

void SetState(PyReranker* self, const std::tuple<std::string, int, OptionalText, Optional64,
                                                 std::string, std::string, bool>& state) {
  const auto& [model, threads, style, max_length, dtype, packed_cache, download] = state;
  Init(self, model, threads, style, max_length, dtype, packed_cache, download);
}

}  // namespace

void AddReranker(nb::module_& m) {
  const nb::object none = nb::none();
  nb::class_<PyReranker>(m, "Reranker", nb::dynamic_attr(),
                         "Scores of queries and passages with a cross-encoder. Immutable; every "
                         "method may be called from several threads at once, and lets go of the "
                         "GIL. Pickled by the model's path.")
      .def("__init__", &Init, "model"_a, nb::kw_only(), "threads"_a = 0, "pair_style"_a = none,
           "max_length"_a = none, "dtype"_a = "default", "packed_cache"_a = "", "download"_a = true,
           "As Embedder. pair_style: flagembedding or crossencoder, how a pair becomes tokens; "
           "None: as the directory says.")
      .def("compute_score", &ComputeScore, "queries"_a, "passages"_a, nb::kw_only(),
           "normalize"_a = none, "max_length"_a = none, "query_max_length"_a = none,
           "instruction"_a = none, "best_window"_a = false, "batch_tokens"_a = 0,
           "progress"_a.none() = none,
           "One score a pair, float32 (N,). queries: as many as passages, or one str for all, "
           "which is then tokenised once.\n"
           "normalize: True the sigmoid, False the logit, None what the pair style has.\n"
           "best_window: a passage that is too long is scored by its best window, not cut.")
      .def("logits", &Logits, "ids"_a, "type_ids"_a.none(), "cu_seqlens"_a,
           "The classifier's logits, (sequences, 1), of token ids as Embedder.hidden_states takes "
           "them.")
      .def_prop_ro("info", &InfoOf, "What the reranker is, and where each setting came from.")
      .def_prop_ro(
          "tokenizer",
          [](const PyReranker& self) { return TokenizerReference(self.reranker.tokenizer()); },
          nb::keep_alive<0, 1>(), "Its tokenizer.")
      .def("__getstate__", &GetState)
      .def("__setstate__", &SetState);
  m.def("is_reranker", &IsReranker, "model"_a,
        "Whether a directory or name is a reranker by its configuration files.");
}

}  // namespace bge::python
