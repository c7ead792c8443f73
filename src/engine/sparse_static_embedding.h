// Sparse vectors without a transformer: each token of a text has a weight of its own, such as its
// inverse document frequency (Geng et al. 2024, inference-free retrievers).
#ifndef BGE_ENGINE_SPARSE_STATIC_EMBEDDING_H_
#define BGE_ENGINE_SPARSE_STATIC_EMBEDDING_H_

#include "bge/representations.h"
#include "bge/tokenizer.h"
#include "bge/types.h"

#include "engine/sparse_modules.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bge {

/// Immutable; thread-safe.
class SparseStaticEmbedding {
 public:
  /// Reads tokenizer and weights. Error(kNotFound, kCorruptData) where they are absent or do not
  /// belong together.
  SparseStaticEmbedding(const StaticWeightsSpec& spec, const WarningSink& on_warning);
  /// With spec.dir's tokenizer, which must outlive this.
  SparseStaticEmbedding(const StaticWeightsSpec& spec, const Tokenizer& tokenizer);

  const Tokenizer& tokenizer() const { return tokenizer_; }
  int64_t dimension() const { return static_cast<int64_t>(weights_.size()); }
  /// As stored: "float32", also of JSON.
  const std::string& weights_dtype() const { return weights_dtype_; }
  /// Of its tokenizer and its weights.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// Error(kCorruptData) for ids without a weight.
  void CheckTokens(std::span<const int32_t> ids) const;
  /// The weights of the distinct ids but for those of zero. ids: as CheckTokens wants.
  SparseVector Encode(std::span<const int32_t> ids) const;

 private:
  void ReadWeights();
  void ReadIdf();

  StaticWeightsSpec spec_;
  std::optional<const Tokenizer> own_tokenizer_;
  const Tokenizer& tokenizer_;
  std::vector<float> weights_;  // by token id
  std::string weights_dtype_ = "float32";
  std::vector<std::filesystem::path> files_;
};

}  // namespace bge

#endif  // BGE_ENGINE_SPARSE_STATIC_EMBEDDING_H_
