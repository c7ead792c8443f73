// Follows sentence-transformers' sparse_encoder/modules/sparse_static_embedding.py.
#include "engine/sparse_static_embedding.h"

#include "base/error.h"
#include "base/json.h"
#include "engine/model_files.h"
#include "tokenizer/load.h"
#include "weights/weight_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace bge {

namespace {

constexpr uint64_t kMaxIdfBytes = 64 << 20;

// The id that unknown tokens have. Parity: as from_json, which asks the tokenizer for their ids.
std::optional<int32_t> UnknownId(const Tokenizer& tokenizer) {
  for (const char* token : {"[UNK]", "<unk>"}) {
    if (const auto id = tokenizer.TokenToId(token)) return id;
  }
  return std::nullopt;
}

}  // namespace

SparseStaticEmbedding::SparseStaticEmbedding(const StaticWeightsSpec& spec,
                                             const WarningSink& on_warning)
    : spec_(spec),
      own_tokenizer_(tokenizer::LoadTokenizer(spec.dir, {.on_warning = on_warning})),
      tokenizer_(*own_tokenizer_) {
  ReadWeights();
}

SparseStaticEmbedding::SparseStaticEmbedding(const StaticWeightsSpec& spec,
                                             const Tokenizer& tokenizer)
    : spec_(spec), tokenizer_(tokenizer) {
  ReadWeights();
}

void SparseStaticEmbedding::ReadWeights() {
  if (const auto file = TokenizerFile(spec_.dir)) files_.push_back(*file);
  if (!spec_.idf.empty()) {
    ReadIdf();
    return;
  }
  const PrefixedWeights weights(OpenWeights(spec_.dir), "weight");
  weights_ = weights.GetVector("weight", tokenizer_.vocab_size());
  weights_dtype_ = DTypeName(weights.GetRank("weight", 1).dtype);
  for (const std::string& file : weights.source().Files()) files_.push_back(spec_.dir / file);
}

void SparseStaticEmbedding::ReadIdf() {
  weights_.assign(static_cast<size_t>(tokenizer_.vocab_size()), 0.0f);
  const auto document = json::Document::Load(spec_.idf.string(), kMaxIdfBytes);
  files_.push_back(spec_.idf);
  if (document->root().size() == 0) {
    document->root().Fail("found no token, expected some", "repair the file");
  }
  const auto unknown = UnknownId(tokenizer_);
  document->root().ForEachMember([&](std::string_view token, json::Value value) {
    const auto weight = static_cast<float>(value.AsDouble());
    if (!std::isfinite(weight)) {
      value.Fail(fmt::format("found {}, expected a finite weight", weight), "repair the file");
    }
    const auto known = tokenizer_.TokenToId(token);
    const auto id = known ? known : unknown;
    if (!id) {
      value.Fail(fmt::format("found the token \"{}\", which the tokenizer does not have",
                             Printable(token, 60)),
                 "use the tokenizer that belongs to the weights");
    }
    CheckTokens(std::span(&*id, 1));
    weights_[static_cast<size_t>(*id)] = weight;
  });
}

void SparseStaticEmbedding::CheckTokens(std::span<const int32_t> ids) const {
  const auto strange = std::find_if(ids.begin(), ids.end(), [&](int32_t id) {
    return id < 0 || static_cast<size_t>(id) >= weights_.size();
  });
  if (strange == ids.end()) return;
  Fail(ErrorCode::kCorruptData, "token without a weight",
       fmt::format("{}: the tokenizer gives {}, expected less than {}", spec_.dir.string(),
                   *strange, weights_.size()),
       "use the tokenizer that belongs to the weights");
}

SparseVector SparseStaticEmbedding::Encode(std::span<const int32_t> ids) const {
  SparseVector vector;
  vector.token_ids.assign(ids.begin(), ids.end());
  std::sort(vector.token_ids.begin(), vector.token_ids.end());
  const auto last = std::unique(vector.token_ids.begin(), vector.token_ids.end());
  const auto end = std::remove_if(vector.token_ids.begin(), last, [&](int32_t id) {
    return weights_[static_cast<size_t>(id)] == 0.0f;
  });
  vector.token_ids.erase(end, vector.token_ids.end());
  for (const int32_t id : vector.token_ids) {
    vector.weights.push_back(weights_[static_cast<size_t>(id)]);
  }
  return vector;
}

}  // namespace bge
