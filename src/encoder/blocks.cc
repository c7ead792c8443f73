#include "encoder/blocks.h"

#include <algorithm>
#include <cmath>

namespace bge {

namespace {

// x as a linear layer takes it: converted into `memory`, or as it is.
ConstOperand InputOf(const Backend& backend, const OpContext& context, Matrix x,
                     const Operand& memory) {
  if (memory.type == ComputeType::kFloat32) return x;
  backend.ToOperand(context, x, memory);
  return memory;
}

}  // namespace

LayerScratch::LayerScratch(Workspace& workspace, ComputeType type, int64_t tokens,
                           int64_t hidden_size, int64_t intermediate_size)
    : attended(workspace.NewMatrix(tokens, hidden_size)),
      projected(workspace.NewMatrix(tokens, hidden_size)) {
  if (type == ComputeType::kFloat32) {
    float* wide = workspace.Floats(tokens * std::max(3 * hidden_size, intermediate_size));
    qkv = {wide, tokens, 3 * hidden_size};
    inner = Matrix(wide, tokens, intermediate_size);
    return;
  }
  qkv = workspace.NewMatrix(tokens, 3 * hidden_size);
  input = NewOperand(workspace, type, tokens, hidden_size);
  inner = NewOperand(workspace, type, tokens, intermediate_size);
}

void AttentionBlock::Forward(const Backend& backend, const OpContext& context,
                             std::span<const int32_t> cu_seqlens, float epsilon,
                             const LayerScratch& scratch, Matrix x) const {
  const auto head_dim = static_cast<float>(x.cols / num_heads);
  const OpContext project = context.At(Stage::kQkv);
  backend.Linear(project, InputOf(backend, project, x, scratch.input), *qkv, {}, scratch.qkv);
  backend.VarlenAttention(context, scratch.qkv, qkv_bias, cu_seqlens, num_heads,
                          1.0f / std::sqrt(head_dim), qkv->type(), scratch.attended);
  const OpContext mix = context.At(Stage::kOutput);
  backend.Linear(mix, InputOf(backend, mix, scratch.attended, scratch.input), *output, {},
                 scratch.projected);
  backend.AddBiasLayerNorm(context, scratch.projected, output_bias, x, norm.gamma, norm.beta,
                           epsilon, x);
}

void FeedForwardBlock::Forward(const Backend& backend, const OpContext& context, float epsilon,
                               const LayerScratch& scratch, Matrix x) const {
  const OpContext widen = context.At(Stage::kFfnUp);
  backend.Linear(widen, InputOf(backend, widen, x, scratch.input), *up, {up_bias, activation},
                 scratch.inner);
  backend.Linear(context.At(Stage::kFfnDown), scratch.inner, *down, {}, scratch.projected);
  backend.AddBiasLayerNorm(context, scratch.projected, down_bias, x, norm.gamma, norm.beta, epsilon,
                           x);
}

}  // namespace bge
