// The reference backend: the specification as a Backend, on the calling thread alone.
#include "kernels/ref/ops.h"

namespace bge {

namespace {

class RefBackend : public Backend {
 public:
  std::string_view name() const override { return "ref"; }

  bool Supports(ComputeType) const override { return true; }
  std::unique_ptr<const PreparedLinear> PrepareLinear(
      std::span<const TensorView> parts, ComputeType type,
      std::span<const int32_t> exact_columns) const override {
    return ref::PrepareLinear(parts, type, exact_columns);
  }
  std::string PackedLayout(ComputeType) const override { return {}; }
  std::unique_ptr<const PreparedLinear> FromPacked(std::span<const std::byte>, int64_t, int64_t,
                                                   ComputeType,
                                                   std::span<const int32_t>) const override {
    return nullptr;
  }
  void Linear(const OpContext&, const ConstOperand& x, const PreparedLinear& w,
              const Epilogue& epilogue, const Operand& y) const override {
    ref::Linear(x, w, epilogue, y);
  }
  void PooledLinear(const OpContext&, const ConstOperand& x, const PreparedLinear& w,
                    std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                    TermPooling pooling, Matrix out) const override {
    ref::PooledLinear(x, w, bias, cu_seqlens, pooling, out);
  }
  void ToOperand(const OpContext&, ConstMatrix x, const Operand& out) const override {
    ref::ToOperand(x, out);
  }
  void EmbedLayerNorm(const OpContext&, const EmbeddingInputs& inputs,
                      const EmbeddingTables& tables, std::span<const float> gamma,
                      std::span<const float> beta, float epsilon, Matrix out,
                      const Operand& rounded) const override {
    ref::EmbedLayerNorm(inputs, tables, gamma, beta, epsilon, out);
    if (rounded.data != nullptr) ref::ToOperand(out, rounded);
  }
  void AddBiasLayerNorm(const OpContext&, ConstMatrix x, std::span<const float> bias,
                        ConstMatrix residual, std::span<const float> gamma,
                        std::span<const float> beta, float epsilon, Matrix out,
                        const Operand& rounded) const override {
    ref::AddBiasLayerNorm(x, bias, residual, gamma, beta, epsilon, out);
    if (rounded.data != nullptr) ref::ToOperand(out, rounded);
  }
  void BiasActivation(const OpContext&, Matrix x, std::span<const float> bias,
                      Activation activation) const override {
    ref::BiasActivation(x, bias, activation);
  }
  void ResidualLayerNorm(const OpContext&, ConstMatrix y, std::span<const float> bias,
                         std::span<const float> gamma, std::span<const float> beta, float epsilon,
                         Matrix x, const Operand& normalized) const override {
    ref::ResidualLayerNorm(y, bias, gamma, beta, epsilon, x, normalized);
  }
  void GatedActivation(const OpContext&, ConstMatrix x, Activation activation,
                       const Operand& out) const override {
    ref::GatedActivation(x, activation, out);
  }
  void RotaryEmbedding(const OpContext&, ConstMatrix turns, std::span<const int32_t> cu_seqlens,
                       Matrix x) const override {
    ref::RotaryEmbedding(turns, cu_seqlens, x);
  }
  ComputeType AttentionInputType(ComputeType) const override { return ComputeType::kFloat32; }
  void VarlenAttention(const OpContext&, const ConstOperand& q, const ConstOperand& keys_values,
                       std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                       const AttentionOptions& attention, ComputeType,
                       const Operand& out) const override {
    if (out.type == ComputeType::kFloat32) {
      ref::VarlenAttention(q.matrix(), keys_values.matrix(), bias, cu_seqlens, attention,
                           out.matrix());
      return;
    }
    Workspace workspace;
    const Matrix floats = workspace.NewMatrix(out.rows, out.cols);
    ref::VarlenAttention(q.matrix(), keys_values.matrix(), bias, cu_seqlens, attention, floats);
    ref::ToOperand(floats, out);
  }
  void FirstTokenAttention(const OpContext&, ConstMatrix q, ConstMatrix keys_values,
                           std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                           const AttentionOptions& attention, Matrix out) const override {
    ref::FirstTokenAttention(q, keys_values, bias, cu_seqlens, attention, out);
  }
  void Pool(const OpContext&, ConstMatrix hidden, std::span<const PoolRange> ranges,
            Pooling pooling, Matrix out) const override {
    ref::Pool(hidden, ranges, pooling, out);
  }
  void L2Normalize(const OpContext&, Matrix x) const override { ref::L2Normalize(x); }
  void DotProducts(const OpContext&, ConstMatrix queries, ConstMatrix rows,
                   Matrix scores) const override {
    ref::DotProducts(queries, rows, scores);
  }
};

}  // namespace

const Backend& ReferenceBackend() {
  static const RefBackend backend;
  return backend;
}

}  // namespace bge
