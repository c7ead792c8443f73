#include "encoder/blocks.h"

#include <cmath>

namespace bge {

void AttentionBlock::Forward(const Backend& backend, const OpContext& context,
                             std::span<const int32_t> cu_seqlens, float epsilon, float* qkv_scratch,
                             Matrix attended, Matrix projected, Matrix x) const {
  const Matrix qkv_states(qkv_scratch, x.rows, 3 * x.cols);
  const auto head_dim = static_cast<float>(x.cols / num_heads);
  backend.Linear(context, x, *qkv, qkv_states);
  backend.VarlenAttention(context, qkv_states, qkv_bias, cu_seqlens, num_heads,
                          1.0f / std::sqrt(head_dim), attended);
  backend.Linear(context, attended, *output, projected);
  backend.AddBiasLayerNorm(context, projected, output_bias, x, norm.gamma, norm.beta, epsilon, x);
}

void FeedForwardBlock::Forward(const Backend& backend, const OpContext& context, float epsilon,
                               float* up_scratch, Matrix projected, Matrix x) const {
  const Matrix intermediate(up_scratch, x.rows, up->out_features());
  backend.Linear(context, x, *up, intermediate);
  backend.BiasActivation(context, intermediate, up_bias, activation);
  backend.Linear(context, intermediate, *down, projected);
  backend.AddBiasLayerNorm(context, projected, down_bias, x, norm.gamma, norm.beta, epsilon, x);
}

}  // namespace bge
