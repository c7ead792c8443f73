#include "bge/embedder.h"

#include "bge/error.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/errors.h"
#include "bindings/interruptible.h"
#include "bindings/settings.h"
#include "bindings/text_list.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;

namespace bge::python {

namespace {

// Embedder with what makes it again in another process.
struct PyEmbedder {
  std::string model;
  EmbedderOptions options;
  Embedder embedder;
};

using Optional64 = std::optional<int64_t>;
using OptionalText = std::optional<std::string>;

Embedder LoadEmbedder(const std::string& model, EmbedderOptions options) {
  std::vector<std::string> warnings;
  options.on_warning = [&](std::string_view message) { warnings.emplace_back(message); };
  std::stop_source stop;
  options.stop = stop.get_token();
  std::optional<Embedder> embedder;
  RunInterruptibly(kLongWork, &stop, [&] { embedder.emplace(Embedder::Load(model, options)); });
  Warn(warnings);
  return std::move(*embedder);
}

void Init(PyEmbedder* self, const std::string& model, int threads, const OptionalText& pooling,
          Optional64 max_length, const std::string& dtype, bool splade,
          const std::string& packed_cache, bool download, const OptionalText& round_weights) {
  const EmbedderOptions options = {.threads = threads,
                                   .pooling = PoolingNamed(pooling),
                                   .max_length = max_length,
                                   .compute_type = ComputeNamed(dtype),
                                   .round_weights = RoundingNamed(round_weights),
                                   .splade = splade,
                                   .packed_cache = packed_cache,
                                   .download = download};
  new (self)
      PyEmbedder{model, options, LoadEmbedder(Located(model, {.download = download}), options)};
}

// What a call says of itself.
nb::dict StatsOf(const EncodeStats& stats) {
  nb::dict result;
  result["texts"] = stats.texts;
  result["tokens"] = stats.tokens;
  result["truncated_texts"] = stats.truncated_texts;
  result["max_length"] = stats.max_length;
  return result;
}

struct Call {
  EncodeOptions options;
  std::stop_source stop;
  ProgressCall progress;

  Call(const OptionalText& role, const OptionalText& instruction, const OptionalText& prompt_name,
       std::optional<bool> normalize, Optional64 max_length, Optional64 truncate_dim,
       int64_t batch_tokens, nb::object progress_callable)
      : progress(std::move(progress_callable), &stop) {
    options.role = RoleNamed(role);
    options.instruction = instruction;
    options.prompt_name = prompt_name;
    options.normalize = normalize;
    options.max_length = max_length;
    options.truncate_dim = truncate_dim;
    options.batch_tokens = batch_tokens;
    options.progress = progress.Function();
    options.stop = stop.get_token();
  }

  // work(), which throws for it what the progress callback has raised.
  void Run(const TextList& texts, const std::function<void()>& work) {
    try {
      RunInterruptibly(texts.bytes(), &stop, work);
    } catch (const Error&) {
      progress.Finish();
      throw;
    }
    progress.Finish();
  }
};

using Output = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// The caller's own memory, never a copy of it that is of the right kind.
std::optional<Output> OutputOf(nb::handle array) {
  if (array.is_none()) return std::nullopt;
  Output out;
  if (!nb::try_cast(array, out, /*convert=*/false)) {
    throw nb::type_error(
        "out: expected a writable array of float32 with two dimensions, C-contiguous");
  }
  return out;
}

nb::object Encode(const PyEmbedder& self, nb::handle texts, const OptionalText& role,
                  const OptionalText& instruction, const OptionalText& prompt_name,
                  std::optional<bool> normalize, Optional64 max_length, Optional64 truncate_dim,
                  int64_t batch_tokens, nb::object progress, nb::object out_array,
                  bool return_stats) {
  const std::optional<Output> out = OutputOf(out_array);
  const TextList list(texts);
  Call call(role, instruction, prompt_name, normalize, max_length, truncate_dim, batch_tokens,
            std::move(progress));
  const auto dimension = static_cast<size_t>(self.embedder.OutputDimension(call.options));
  const size_t count = list.size() * dimension;
  std::unique_ptr<float[]> own;
  float* to = nullptr;
  if (out) {
    if (out->shape(0) != list.size() || out->shape(1) != dimension) {
      throw nb::value_error(("out: expected shape (" + std::to_string(list.size()) + ", " +
                             std::to_string(dimension) + "), found (" +
                             std::to_string(out->shape(0)) + ", " + std::to_string(out->shape(1)) +
                             ")")
                                .c_str());
    }
    to = out->data();
  } else {
    own.reset(new float[count + 1]);  // not initialised; one more, as NumPy takes no null pointer
    to = own.get();
  }
  EncodeStats stats;
  call.Run(list, [&] {
    stats = self.embedder.EncodeInto(list.views(), call.options, {to, count});
  });
  nb::object result;
  if (out) {
    result = std::move(out_array);
  } else if (list.single()) {
    result = NewArray(std::move(own), {dimension});
  } else {
    result = NewArray(std::move(own), {list.size(), dimension});
  }
  return return_stats ? nb::make_tuple(result, StatsOf(stats)) : result;
}

// CSR: of text i, entries [indptr[i], indptr[i + 1]) of token_ids and weights.
nb::object SparseArrays(const std::vector<SparseVector>& vectors) {
  size_t total = 0;
  for (const SparseVector& v : vectors) total += v.token_ids.size();
  std::unique_ptr<int64_t[]> indptr(new int64_t[vectors.size() + 1]);
  std::unique_ptr<int32_t[]> ids(new int32_t[total + 1]);
  std::unique_ptr<float[]> weights(new float[total + 1]);
  int64_t at = 0;
  indptr[0] = 0;
  for (size_t i = 0; i < vectors.size(); ++i) {
    std::copy(vectors[i].token_ids.begin(), vectors[i].token_ids.end(), ids.get() + at);
    std::copy(vectors[i].weights.begin(), vectors[i].weights.end(), weights.get() + at);
    at += static_cast<int64_t>(vectors[i].token_ids.size());
    indptr[i + 1] = at;
  }
  return nb::make_tuple(NewArray(std::move(indptr), {vectors.size() + 1}),
                        NewArray(std::move(ids), {total}), NewArray(std::move(weights), {total}));
}

nb::object EncodeAll(const PyEmbedder& self, nb::handle texts, bool dense, bool sparse,
                     bool colbert, const OptionalText& role, const OptionalText& instruction,
                     const OptionalText& prompt_name, std::optional<bool> normalize,
                     Optional64 max_length, Optional64 truncate_dim, Optional64 max_active_dims,
                     int64_t batch_tokens, nb::object progress) {
  const TextList list(texts);
  Call call(role, instruction, prompt_name, normalize, max_length, truncate_dim, batch_tokens,
            std::move(progress));
  call.options.max_active_dims = max_active_dims;
  TextRepresentations all;
  call.Run(list, [&] {
    all = self.embedder.EncodeAll(
        list.views(), {.dense = dense, .sparse = sparse, .colbert = colbert}, call.options);
  });
  nb::dict result;
  if (dense) {
    const auto dimension = static_cast<size_t>(all.dense_vecs.dimension);
    result["dense"] = NewArray(std::move(all.dense_vecs.values), {list.size(), dimension});
  }
  if (sparse) result["sparse"] = SparseArrays(all.lexical_weights);
  if (colbert) {
    nb::list vectors;
    for (MultiVector& v : all.colbert_vecs) {
      const auto rows = static_cast<size_t>(v.count());
      const auto dimension = static_cast<size_t>(v.dimension);
      vectors.append(NewArray(std::move(v.values), {rows, dimension}));
    }
    result["colbert"] = vectors;
  }
  result["stats"] = StatsOf(all.stats);
  return result;
}

nb::object HiddenStates(const PyEmbedder& self, const AnyArray& ids,
                        const std::optional<AnyArray>& type_ids, const AnyArray& cu_seqlens) {
  const OwnSequences sequences(ids, type_ids, cu_seqlens);
  std::stop_source stop;
  Embeddings hidden;
  RunInterruptibly(4 * ids.size(), &stop,
                   [&] { hidden = self.embedder.HiddenStates(sequences.get(), stop.get_token()); });
  const auto dimension = static_cast<size_t>(hidden.dimension);
  return NewArray(std::move(hidden.values), {ids.size(), dimension});
}

nb::dict InfoOf(const PyEmbedder& self) {
  const ModelInfo& info = self.embedder.info();
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
  d["dimension"] = info.dimension;
  d["max_length"] = info.max_length;
  d["max_length_source"] = info.max_length_source;
  d["max_positions"] = info.max_positions;
  nb::list heads;
  if (info.heads.dense) heads.append("dense");
  if (info.heads.sparse) heads.append("sparse");
  if (info.heads.colbert) heads.append("colbert");
  d["heads"] = heads;
  d["colbert_dimension"] = info.colbert_dimension;
  d["sparse_dimension"] = info.sparse_dimension;
  d["sparse_pooling"] = info.sparse_pooling;
  d["max_active_dims"] = info.max_active_dims;
  d["query_weights"] = info.query_weights;
  d["has_transformer"] = info.has_transformer;
  nb::list poolings;
  for (const Pooling pooling : info.poolings) {
    const std::string_view name = PoolingName(pooling);
    poolings.append(nb::str(name.data(), name.size()));
  }
  d["poolings"] = poolings;
  d["pooling_source"] = info.pooling_source;
  d["include_prompt"] = info.include_prompt;
  d["normalizes"] = info.normalizes;
  d["modules"] = info.modules;
  d["prompts"] = info.prompts;
  d["default_prompt_name"] = info.default_prompt_name;
  d["query_instruction"] = info.query_instruction;
  d["document_instruction"] = info.document_instruction;
  d["instruction_source"] = info.instruction_source;
  d["similarity"] = info.similarity;
  d["query_length"] = info.query_length;
  d["document_length"] = info.document_length;
  d["threads"] = self.embedder.threads();
  d["files"] = info.files;
  return d;
}

nb::tuple GetState(const PyEmbedder& self) {
  const EmbedderOptions& o = self.options;
  OptionalText pooling;
  if (o.pooling) pooling = std::string(PoolingName(*o.pooling));
  return nb::make_tuple(self.model, o.threads, pooling, o.max_length, NameOf(o.compute_type),
                        o.splade, o.packed_cache, o.download, NameOf(o.round_weights));
}

void SetState(PyEmbedder* self,
              const std::tuple<std::string, int, OptionalText, Optional64, std::string, bool,
                               std::string, bool, OptionalText>& state) {
  const auto& [model, threads, pooling, max_length, dtype, splade, packed_cache, download,
               round_weights] = state;
  Init(self, model, threads, pooling, max_length, dtype, splade, packed_cache, download,
       round_weights);
}

}  // namespace

void AddEmbedder(nb::module_& m) {
  const nb::object none = nb::none();
  nb::class_<PyEmbedder>(m, "Embedder", nb::dynamic_attr(),
                         "Texts to vectors. Immutable; every method may be called from several "
                         "threads at once, and lets go of the GIL. Pickled by the model's path.")
      .def("__init__", &Init, "model"_a, nb::kw_only(), "threads"_a = 0, "pooling"_a = none,
           "max_length"_a = none, "dtype"_a = "default", "splade"_a = false, "packed_cache"_a = "",
           "download"_a = true, "round_weights"_a = none,
           "model: a model directory, or a name on the Hugging Face hub (\"name@revision\").\n"
           "threads: 0, one for each physical core that this process may use.\n"
           "pooling: instead of the model's: cls, mean, max, mean_sqrt_len_tokens, weightedmean, "
           "lasttoken.\n"
           "max_length: tokens, special tokens included.\n"
           "dtype: default, auto, f32, bf16 or int8: what linear layers multiply.\n"
           "splade: a masked-language model without modules.json is a SPLADE model.\n"
           "packed_cache: folder where packed weights are kept, which processes then share.\n"
           "download: a name that the cache lacks is downloaded.\n"
           "round_weights: None, or \"f16\" or \"bf16\": weights are rounded to that type as they "
           "are "
           "read, and computed with as dtype says: FlagEmbedding's use_fp16 and use_bf16 on a CPU.")
      .def("encode", &Encode, "texts"_a, nb::kw_only(), "role"_a = none, "instruction"_a = none,
           "prompt_name"_a = none, "normalize"_a = none, "max_length"_a = none,
           "truncate_dim"_a = none, "batch_tokens"_a = 0, "progress"_a.none() = none,
           "out"_a.none() = none, "return_stats"_a = false,
           "Dense vectors, float32: shape (dimension,) for a str, (len(texts), dimension) for an "
           "iterable of str or an Arrow array of strings.\n"
           "role: None, \"query\" or \"document\": which of the model's instructions is put in "
           "front.\n"
           "instruction: text in front instead; prompt_name: a key of the model's prompts.\n"
           "normalize: None or True: unit length.\n"
           "progress: called as progress(done, total), from any thread.\n"
           "out: float32, C-contiguous, (len(texts), dimension): filled and returned.\n"
           "return_stats: (vectors, {\"texts\", \"tokens\", \"truncated_texts\", \"max_length\"}).")
      .def("encode_all", &EncodeAll, "texts"_a, nb::kw_only(), "dense"_a = true, "sparse"_a = false,
           "colbert"_a = false, "role"_a = none, "instruction"_a = none, "prompt_name"_a = none,
           "normalize"_a = none, "max_length"_a = none, "truncate_dim"_a = none,
           "max_active_dims"_a = none, "batch_tokens"_a = 0, "progress"_a.none() = none,
           "All kinds that are asked for, from one pass: a dict of \"dense\" (N, dimension), "
           "\"sparse\" (indptr (N + 1,), token_ids, weights: CSR), \"colbert\" (list of (tokens, "
           "dimension)), each if asked for, and \"stats\".")
      .def("hidden_states", &HiddenStates, "ids"_a, "type_ids"_a.none(), "cu_seqlens"_a,
           "The encoder's last hidden states, (tokens, hidden_size), of sequences of token ids, "
           "one after another: ids and type_ids (tokens,), cu_seqlens (sequences + 1,), int32.")
      .def(
          "output_dimension",
          [](const PyEmbedder& self, Optional64 truncate_dim) {
            EncodeOptions options;
            options.truncate_dim = truncate_dim;
            return self.embedder.OutputDimension(options);
          },
          "truncate_dim"_a = none, "Length of the vectors that encode() returns.")
      .def_prop_ro("info", &InfoOf, "What the model is, and where each setting came from.")
      .def_prop_ro(
          "tokenizer",
          [](const PyEmbedder& self) { return TokenizerReference(self.embedder.tokenizer()); },
          nb::keep_alive<0, 1>(), "The transformer's tokenizer.")
      .def("__getstate__", &GetState)
      .def("__setstate__", &SetState);
}

}  // namespace bge::python
