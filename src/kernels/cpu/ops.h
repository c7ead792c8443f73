// The CPU operations: one file each, Highway inside. Contracts: kernels/backend.h.
#ifndef BGE_KERNELS_CPU_OPS_H_
#define BGE_KERNELS_CPU_OPS_H_

#include "kernels/backend.h"

namespace bge::cpu {

std::unique_ptr<const PreparedLinear> PrepareLinear(std::span<const TensorView> parts,
                                                    ComputeType type,
                                                    std::span<const int32_t> exact_columns);
std::string PackedLayout(ComputeType type);
std::unique_ptr<const PreparedLinear> FromPacked(std::span<const std::byte> memory, int64_t n,
                                                 int64_t k, ComputeType type,
                                                 std::span<const int32_t> exact_columns);
void Linear(const OpContext& context, const ConstOperand& x, const PreparedLinear& w,
            const Epilogue& epilogue, const Operand& y);
void PooledLinear(const OpContext& context, const ConstOperand& x, const PreparedLinear& w,
                  std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                  TermPooling pooling, Matrix out);
void ToOperand(const OpContext& context, ConstMatrix x, const Operand& out);
void EmbedLayerNorm(const OpContext& context, const EmbeddingInputs& inputs,
                    const EmbeddingTables& tables, std::span<const float> gamma,
                    std::span<const float> beta, float epsilon, Matrix out, const Operand& rounded);
void AddBiasLayerNorm(const OpContext& context, ConstMatrix x, std::span<const float> bias,
                      ConstMatrix residual, std::span<const float> gamma,
                      std::span<const float> beta, float epsilon, Matrix out,
                      const Operand& rounded);
void ResidualLayerNorm(const OpContext& context, ConstMatrix y, std::span<const float> bias,
                       std::span<const float> gamma, std::span<const float> beta, float epsilon,
                       Matrix x, const Operand& normalized);
void BiasActivation(const OpContext& context, Matrix x, std::span<const float> bias,
                    Activation activation);
void GatedActivation(const OpContext& context, ConstMatrix x, Activation activation,
                     const Operand& out);
void RotaryEmbedding(const OpContext& context, ConstMatrix turns,
                     std::span<const int32_t> cu_seqlens, Matrix x);
ComputeType AttentionInputType(ComputeType type);
void VarlenAttention(const OpContext& context, const ConstOperand& q,
                     const ConstOperand& keys_values, std::span<const float> bias,
                     std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                     ComputeType type, const Operand& out);
void FirstTokenAttention(const OpContext& context, ConstMatrix q, ConstMatrix keys_values,
                         std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                         const AttentionOptions& attention, Matrix out);
void Pool(const OpContext& context, ConstMatrix hidden, std::span<const PoolRange> ranges,
          Pooling pooling, Matrix out);
void L2Normalize(const OpContext& context, Matrix x);
void DotProducts(const OpContext& context, ConstMatrix queries, ConstMatrix rows, Matrix scores);

// out[i] = tensor[begin + i] as float for i < count, of any dtype and alignment.
void ConvertToFloat(const TensorView& tensor, int64_t begin, int64_t count, float* out);

// How exact a function must be: to float32, or to what bfloat16 or int8 keep of it.
enum class Accuracy { kFloat32, kNarrow };

// The steps that linear layers are made of, on the calling thread.
// out = activation(x + bias); bias: [x.cols] or null. `out` may be x.
void Activate(ConstMatrix x, const float* bias, Activation activation, Accuracy accuracy,
              Matrix out);
// out = x in out's format, which is not float32.
void NarrowRows(ConstMatrix x, const Operand& out);
// Columns [column, column + x.cols) of out = activation(x + bias), column even. out: bfloat16,
// whose columns do not depend on each other; bias: [x.cols] or null.
void ActivateColumns(ConstMatrix x, const float* bias, Activation activation, const Operand& out,
                     int64_t column);
// Pools rows + bias, one after the other, into out [rows.cols], which holds the pooled rows before
// them. bias: [rows.cols] or null.
void PoolTerms(ConstMatrix rows, const float* bias, TermPooling pooling, float* out);

// Rows that one thread should at least have, so that a loop over rows of `cols` floats is worth
// sharing: waking a thread costs up to 60 us, and a pass over this many floats takes about 10. A
// dearer operation passes a multiple of its columns; for GELU, four times, its share is then about
// 3 us.
inline int64_t RowGrain(int64_t cols) { return 1 + 32768 / (cols + 1); }

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_OPS_H_
