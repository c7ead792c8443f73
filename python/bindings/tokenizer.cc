#include "bge/tokenizer.h"

#include "bge/model_tokenizer.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "bindings/interruptible.h"
#include "bindings/settings.h"
#include "bindings/text_list.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <limits>

namespace nb = nanobind;
using namespace nb::literals;

namespace bge::python {

namespace {

// One of its own, or a model's.
struct PyTokenizer {
  std::string model;
  std::optional<Tokenizer> own;
  const Tokenizer* tokenizer;
};

void Load(PyTokenizer* self, const std::string& model) {
  std::vector<std::string> warnings;
  std::optional<Tokenizer> tokenizer;
  {
    const WithoutGil released;
    tokenizer.emplace(LoadModelTokenizer(
        model, [&](std::string_view message) { warnings.emplace_back(message); }));
  }
  Warn(warnings);
  new (self) PyTokenizer{model, std::move(tokenizer), nullptr};
  self->tokenizer = &*self->own;
}

TruncationStrategy StrategyNamed(const std::string& name) {
  if (name == "longest_first") return TruncationStrategy::kLongestFirst;
  if (name == "only_first") return TruncationStrategy::kOnlyFirst;
  if (name == "only_second") return TruncationStrategy::kOnlySecond;
  throw nb::value_error(
      ("strategy: expected longest_first, only_first or only_second, found '" + name + "'")
          .c_str());
}

// Ids and what goes with them of all texts, one after another: what a list of lists is made of.
nb::object Encode(const PyTokenizer& self, nb::handle texts, nb::object pairs,
                  bool add_special_tokens, std::optional<int64_t> max_length,
                  const std::string& strategy, bool want_offsets) {
  const TextList list(texts);
  std::optional<TextList> seconds;
  if (!pairs.is_none()) seconds.emplace(pairs);
  if (seconds && seconds->size() != list.size()) {
    throw nb::value_error(("pairs: found " + std::to_string(seconds->size()) + ", expected " +
                           std::to_string(list.size()))
                              .c_str());
  }
  std::stop_source stop;
  const TokenizeOptions options = {.add_special_tokens = add_special_tokens,
                                   .max_length = max_length,
                                   .strategy = StrategyNamed(strategy),
                                   .want_offsets = want_offsets,
                                   .stop = stop.get_token()};
  std::vector<int32_t> ids;
  std::vector<int32_t> types;
  std::vector<uint8_t> special;
  std::vector<uint32_t> offsets;
  std::vector<int32_t> cu_seqlens = {0};
  RunInterruptibly(list.bytes() / 16 + (seconds ? seconds->bytes() / 16 : 0), &stop, [&] {
    Encoding encoding;
    for (size_t i = 0; i < list.size(); ++i) {
      if (seconds) {
        encoding = self.tokenizer->EncodePair(list.views()[i], seconds->views()[i], options);
      } else {
        self.tokenizer->EncodeInto(list.views()[i], options, &encoding);
      }
      ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
      types.insert(types.end(), encoding.type_ids.begin(), encoding.type_ids.end());
      special.insert(special.end(), encoding.special_tokens_mask.begin(),
                     encoding.special_tokens_mask.end());
      for (const Offset offset : encoding.offsets) {
        offsets.push_back(offset.begin);
        offsets.push_back(offset.end);
      }
      if (ids.size() > std::numeric_limits<int32_t>::max()) {
        throw nb::value_error("texts: over 2,147,483,647 tokens: give fewer at once");
      }
      cu_seqlens.push_back(static_cast<int32_t>(ids.size()));
    }
  });
  nb::dict result;
  const size_t tokens = ids.size();
  result["cu_seqlens"] = NewArray(std::move(cu_seqlens), {list.size() + 1});
  result["ids"] = NewArray(std::move(ids), {tokens});
  result["type_ids"] = NewArray(std::move(types), {tokens});
  if (want_offsets) {
    result["special_tokens_mask"] = NewArray(std::move(special), {tokens});
    result["offsets"] = NewArray(std::move(offsets), {tokens, 2});
  }
  return result;
}

std::vector<int64_t> CountTokens(const PyTokenizer& self, nb::handle texts) {
  const TextList list(texts);
  std::vector<int64_t> counts;
  std::stop_source stop;
  RunInterruptibly(list.bytes() / 16, &stop, [&] {
    Encoding encoding;
    for (const std::string_view text : list.views()) {
      self.tokenizer->EncodeInto(text, {.stop = stop.get_token()}, &encoding);
      counts.push_back(std::ssize(encoding.ids));
    }
  });
  return counts;
}

}  // namespace

nb::object TokenizerReference(const Tokenizer& tokenizer) {
  return nb::cast(PyTokenizer{"", std::nullopt, &tokenizer}, nb::rv_policy::move);
}

void AddTokenizer(nb::module_& m) {
  nb::class_<PyTokenizer>(m, "Tokenizer",
                          "Text to token ids and back, exactly as Hugging Face tokenizers do it. "
                          "Immutable and thread-safe.")
      .def("__init__", &Load, "model"_a,
           "model: a model directory, its tokenizer.json or SentencePiece file, or a name.")
      .def("encode", &Encode, "texts"_a, "pairs"_a.none() = nb::none(), nb::kw_only(),
           "add_special_tokens"_a = true, "max_length"_a = nb::none(),
           "strategy"_a = "longest_first", "want_offsets"_a = false,
           "The tokens of all texts, one after another: a dict of ids and type_ids (tokens,), "
           "cu_seqlens (len(texts) + 1,), all int32; with want_offsets special_tokens_mask "
           "(tokens,) and offsets (tokens, 2), in characters.")
      .def("count_tokens", &CountTokens, "texts"_a,
           "How many tokens each text has, special tokens included.")
      .def(
          "decode",
          [](const PyTokenizer& self, const std::vector<int32_t>& ids, bool skip) {
            return self.tokenizer->Decode(ids, skip);
          },
          "ids"_a, "skip_special_tokens"_a = true, "Text of the ids.")
      .def(
          "token_to_id",
          [](const PyTokenizer& self, const std::string& token) {
            return self.tokenizer->TokenToId(token);
          },
          "token"_a, "The token's id, or None.")
      .def(
          "id_to_token",
          [](const PyTokenizer& self, int32_t id) {
            std::optional<std::string> token;
            if (const auto found = self.tokenizer->IdToToken(id)) token = std::string(*found);
            return token;
          },
          "id"_a, "The id's token, or None.")
      .def(
          "is_special",
          [](const PyTokenizer& self, int32_t id) { return self.tokenizer->is_special(id); },
          "id"_a)
      .def(
          "num_special_tokens",
          [](const PyTokenizer& self, bool pair) {
            return self.tokenizer->num_special_tokens(pair);
          },
          "pair"_a = false, "Tokens that a text, or a pair, gains.")
      .def_prop_ro("vocab_size",
                   [](const PyTokenizer& self) { return self.tokenizer->vocab_size(); })
      .def("__getstate__",
           [](const PyTokenizer& self) {
             if (self.model.empty()) {
               throw nb::type_error("a model's tokenizer is pickled with the model");
             }
             return nb::make_tuple(self.model);
           })
      .def("__setstate__", [](PyTokenizer* self, const std::tuple<std::string>& state) {
        Load(self, std::get<0>(state));
      });
}

}  // namespace bge::python
