// BGE-M3's multi-vectors: a vector for each token of a text but the first (Chen et al. 2024).
//
// FlagEmbedding/finetune/embedder/encoder_only/m3/modeling.py, _colbert_embedding: a linear layer
// on the hidden states behind the first token, </s> included; cut, then each normalised.
#ifndef BGE_HEADS_M3_COLBERT_HEAD_H_
#define BGE_HEADS_M3_COLBERT_HEAD_H_

#include "heads/multi_vector_head.h"
#include "heads/token_linear.h"

#include <filesystem>

namespace bge {

class M3ColbertHead : public MultiVectorHead {
 public:
  static constexpr const char* kFile = "colbert_linear";

  /// `file`: weight [D, hidden_size], bias [D].
  M3ColbertHead(const std::filesystem::path& file, int64_t hidden_size, const Backend& backend,
                WeightRounding rounding = WeightRounding::kNone)
      : backend_(backend), linear_(file, hidden_size, 0, backend, rounding) {}

  int64_t dimension() const override { return linear_.outputs(); }
  int64_t num_parameters() const override { return linear_.num_parameters(); }
  int64_t bytes_per_token() const override {
    return 2 * dimension() * static_cast<int64_t>(sizeof(float));
  }
  void Run(const OpContext& context, const TokenBatch& batch, ConstMatrix hidden, int64_t dimension,
           bool normalize, std::span<MultiVector> vectors) const override;

 private:
  const Backend& backend_;
  TokenLinear linear_;
};

}  // namespace bge

#endif  // BGE_HEADS_M3_COLBERT_HEAD_H_
