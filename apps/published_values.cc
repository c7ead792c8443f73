#include "apps/published_values.h"

#include "apps/json_text.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>

namespace bge::cli {
namespace {

using enum Quantity;

// The part of "BAAI/bge-m3" behind the slash.
std::string_view ShortName(std::string_view model) {
  return model.substr(model.rfind('/') + 1);  // npos + 1 is 0
}

PublishedComparison Compare(const PublishedValue& value, std::vector<float> found) {
  float difference =
      found.size() == value.values.size() ? 0.0f : std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < std::min(found.size(), value.values.size()); ++i) {
    const float each = std::abs(found[i] - value.values[i]);
    difference =
        std::isfinite(each) ? std::max(difference, each) : std::numeric_limits<float>::infinity();
  }
  return {&value, std::move(found), difference};
}

float Product(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f);
}

float LexicalWeight(const SparseVector& vector, std::optional<int32_t> id) {
  for (size_t i = 0; i < vector.token_ids.size(); ++i) {
    if (vector.token_ids[i] == id) return vector.weights[i];
  }
  return 0;
}

std::vector<float> Compute(const PublishedValue& value, const Embedder& model) {
  switch (value.quantity) {
    case kFirstValues:
    case kFirstRawValues:
    case kLastValues:
    case kSum: {
      EncodeOptions options;
      if (value.quantity == kFirstRawValues) options.normalize = false;
      const std::vector<float> vector = model.Encode(value.text, options);
      if (value.quantity == kSum) return {std::accumulate(vector.begin(), vector.end(), 0.0f)};
      const auto n = static_cast<ptrdiff_t>(std::min(vector.size(), value.values.size()));
      if (value.quantity == kLastValues) return {vector.end() - n, vector.end()};
      return {vector.begin(), vector.begin() + n};
    }
    case kSimilarity:
      return {Product(model.Encode(value.text), model.Encode(value.other))};
    case kQuerySearch:
      return {Product(model.Encode(value.text, {.role = Role::kQuery}),
                      model.Encode(value.other, {.role = Role::kDocument}))};
    case kSparseDenseScore:
    case kAllScore: {
      const std::vector<std::string_view> texts = {value.text, value.other};
      const TextRepresentations made =
          model.EncodeAll(texts, {.dense = true, .sparse = true, .colbert = true});
      const M3Scores scores = ComputeM3Scores(made, 0, made, 1, {0.4f, 0.2f, 0.4f});
      return {value.quantity == kAllScore ? scores.colbert_sparse_dense : scores.sparse_dense};
    }
    case kLexicalScore:
    case kColbertScore:
    case kLexicalWeight:
    case kLexicalWeightOfId: {
      Representations which;
      which.dense = false;
      which.sparse = value.quantity != kColbertScore;
      which.colbert = value.quantity == kColbertScore;
      const std::vector<std::string_view> texts = {value.text, value.other};
      const TextRepresentations made = model.EncodeAll(texts, which);
      if (value.quantity == kColbertScore) {
        return {ColbertScore(made.colbert_vecs[0], made.colbert_vecs[1])};
      }
      if (value.quantity == kLexicalWeight) {
        return {LexicalWeight(made.lexical_weights[0], model.tokenizer().TokenToId(value.other))};
      }
      if (value.quantity == kLexicalWeightOfId) {
        return {LexicalWeight(made.lexical_weights[0], std::stoi(std::string(value.other)))};
      }
      return {LexicalMatchingScore(made.lexical_weights[0], made.lexical_weights[1])};
    }
    case kLogit:
      break;
  }
  Fail(ErrorCode::kInvalidArgument, "an embedder gives no scores of pairs", Describe(value),
       "give a reranker");
}

}  // namespace

std::vector<const PublishedValue*> FindPublished(std::string_view model) {
  std::vector<const PublishedValue*> found;
  for (const PublishedValue& value : PublishedTable()) {
    const bool is_full = model.find('/') != std::string_view::npos;
    if (model == (is_full ? value.model : ShortName(value.model))) found.push_back(&value);
  }
  return found;
}

std::vector<std::string_view> PublishedModels() {
  std::vector<std::string_view> names;
  for (const PublishedValue& value : PublishedTable()) names.push_back(value.model);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<PublishedComparison> ComparePublished(std::span<const PublishedValue* const> values,
                                                  const Embedder& model) {
  std::vector<PublishedComparison> compared;
  for (const PublishedValue* value : values) {
    compared.push_back(Compare(*value, Compute(*value, model)));
  }
  return compared;
}

std::vector<PublishedComparison> ComparePublished(std::span<const PublishedValue* const> values,
                                                  const Reranker& model) {
  std::vector<PublishedComparison> compared;
  for (const PublishedValue* value : values) {
    if (value->quantity != kLogit) {
      Fail(ErrorCode::kInvalidArgument, "a reranker gives scores of pairs alone", Describe(*value),
           "give an embedding model");
    }
    RerankOptions raw;
    raw.normalize = false;
    compared.push_back(
        Compare(*value, model.ComputeScore({TextPair{value->text, value->other}}, raw)));
  }
  return compared;
}

std::string Describe(const PublishedValue& value) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    AppendJsonString(Printable(text, 40), &out);
    return out;
  };
  const std::string both = quoted(value.text) + " and " + quoted(value.other);
  switch (value.quantity) {
    case kFirstValues:
      return fmt::format("first {} values of {}", value.values.size(), quoted(value.text));
    case kFirstRawValues:
      return fmt::format("first {} values of {}, not normalised", value.values.size(),
                         quoted(value.text));
    case kLastValues:
      return fmt::format("last {} values of {}", value.values.size(), quoted(value.text));
    case kSum:
      return "sum of the values of " + quoted(value.text);
    case kSimilarity:
      return "similarity of " + both;
    case kQuerySearch:
      return "similarity of query " + both;
    case kLexicalScore:
      return "lexical score of " + both;
    case kColbertScore:
      return "colbert score of " + both;
    case kLexicalWeight:
      return fmt::format("lexical weight of {} in {}", quoted(value.other), quoted(value.text));
    case kLexicalWeightOfId:
      return fmt::format("lexical weight of token {} in {}", value.other, quoted(value.text));
    case kSparseDenseScore:
      return "sparse+dense score of " + both;
    case kAllScore:
      return "colbert+sparse+dense score of " + both;
    case kLogit:
      return "logit of " + both;
  }
  return {};
}

}  // namespace bge::cli
