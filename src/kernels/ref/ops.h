// The reference operations: one file each, plain loops, double accumulation. They say what every
// other backend must compute; the contracts (shapes, aliasing, empty ranges) stand in
// kernels/backend.h.
#ifndef BGE_KERNELS_REF_OPS_H_
#define BGE_KERNELS_REF_OPS_H_

#include "kernels/backend.h"

namespace bge::ref {

std::unique_ptr<const PreparedLinear> PrepareLinear(std::span<const TensorView> parts,
                                                    ComputeType type,
                                                    std::span<const int32_t> exact_columns);
void Linear(const ConstOperand& x, const PreparedLinear& w, const Epilogue& epilogue,
            const Operand& y);
void PooledLinear(const ConstOperand& x, const PreparedLinear& w, std::span<const float> bias,
                  std::span<const int32_t> cu_seqlens, TermPooling pooling, Matrix out);
void ToOperand(ConstMatrix x, const Operand& out);
// The number that element [row, col] stands for.
float OperandValue(const ConstOperand& x, int64_t row, int64_t col);
void EmbedLayerNorm(const EmbeddingInputs& inputs, const EmbeddingTables& tables,
                    std::span<const float> gamma, std::span<const float> beta, float epsilon,
                    Matrix out);
void AddBiasLayerNorm(ConstMatrix x, std::span<const float> bias, ConstMatrix residual,
                      std::span<const float> gamma, std::span<const float> beta, float epsilon,
                      Matrix out);
void ResidualLayerNorm(ConstMatrix y, std::span<const float> bias, std::span<const float> gamma,
                       std::span<const float> beta, float epsilon, Matrix x,
                       const Operand& normalized);
void BiasActivation(Matrix x, std::span<const float> bias, Activation activation);
void GatedActivation(ConstMatrix x, Activation activation, const Operand& out);
void RotaryEmbedding(ConstMatrix turns, std::span<const int32_t> cu_seqlens, Matrix x);
void VarlenAttention(ConstMatrix q, ConstMatrix keys_values, std::span<const float> bias,
                     std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                     Matrix out);
void FirstTokenAttention(ConstMatrix q, ConstMatrix keys_values, std::span<const float> bias,
                         std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                         Matrix out);
void Pool(ConstMatrix hidden, std::span<const PoolRange> ranges, Pooling pooling, Matrix out);
void L2Normalize(Matrix x);
void DotProducts(ConstMatrix queries, ConstMatrix rows, Matrix scores);

}  // namespace bge::ref

#endif  // BGE_KERNELS_REF_OPS_H_
