// The two halves of a post-LayerNorm transformer layer (Vaswani et al. 2017, Devlin et al. 2018).
#ifndef BGE_ENCODER_BLOCKS_H_
#define BGE_ENCODER_BLOCKS_H_

#include "kernels/backend.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bge {

/// gamma and beta, each [H].
struct LayerNormWeights {
  std::vector<float> gamma;
  std::vector<float> beta;
};

/// x = LayerNorm(x + Wo * Attention(x) + bo).
struct AttentionBlock {
  int64_t num_heads = 0;
  std::unique_ptr<const PreparedLinear> qkv;  // [3H, H]: query, key, value stacked
  std::vector<float> qkv_bias;                // [3H]
  std::unique_ptr<const PreparedLinear> output;
  std::vector<float> output_bias;
  LayerNormWeights norm;

  /// x: [T, H], in place. scratch: at least T x 3H floats for qkv, and two matrices [T, H].
  void Forward(const Backend& backend, const OpContext& context,
               std::span<const int32_t> cu_seqlens, float epsilon, float* qkv_scratch,
               Matrix attended, Matrix projected, Matrix x) const;
};

/// x = LayerNorm(x + W2 * activation(W1 * x + b1) + b2).
struct FeedForwardBlock {
  Activation activation = Activation::kGeluErf;
  std::unique_ptr<const PreparedLinear> up;  // [F, H]
  std::vector<float> up_bias;
  std::unique_ptr<const PreparedLinear> down;  // [H, F]
  std::vector<float> down_bias;
  LayerNormWeights norm;

  /// x: [T, H], in place. scratch: T x F floats, and a matrix [T, H].
  void Forward(const Backend& backend, const OpContext& context, float epsilon, float* up_scratch,
               Matrix projected, Matrix x) const;
};

}  // namespace bge

#endif  // BGE_ENCODER_BLOCKS_H_
