// The CPU backend: Highway kernels and oneDNN behind the op set.
#include "kernels/cpu/ops.h"

namespace bge {

namespace {

class CpuBackendImpl : public Backend {
 public:
  std::string_view name() const override { return "cpu"; }

  std::unique_ptr<const PreparedLinear> PrepareLinear(
      std::span<const TensorView> parts) const override {
    return cpu::PrepareLinear(parts);
  }
  void Linear(const OpContext& context, ConstMatrix x, const PreparedLinear& w,
              Matrix y) const override {
    cpu::Linear(context, x, w, y);
  }
  void EmbedLayerNorm(const OpContext& context, const EmbeddingInputs& inputs,
                      const EmbeddingTables& tables, std::span<const float> gamma,
                      std::span<const float> beta, float epsilon, Matrix out) const override {
    cpu::EmbedLayerNorm(context, inputs, tables, gamma, beta, epsilon, out);
  }
  void AddBiasLayerNorm(const OpContext& context, ConstMatrix x, std::span<const float> bias,
                        ConstMatrix residual, std::span<const float> gamma,
                        std::span<const float> beta, float epsilon, Matrix out) const override {
    cpu::AddBiasLayerNorm(context, x, bias, residual, gamma, beta, epsilon, out);
  }
  void BiasActivation(const OpContext& context, Matrix x, std::span<const float> bias,
                      Activation activation) const override {
    cpu::BiasActivation(context, x, bias, activation);
  }
  void VarlenAttention(const OpContext& context, ConstMatrix qkv, std::span<const float> bias,
                       std::span<const int32_t> cu_seqlens, int64_t num_heads, float scale,
                       Matrix out) const override {
    cpu::VarlenAttention(context, qkv, bias, cu_seqlens, num_heads, scale, out);
  }
  void Pool(const OpContext& context, ConstMatrix hidden, std::span<const PoolRange> ranges,
            Pooling pooling, Matrix out) const override {
    cpu::Pool(context, hidden, ranges, pooling, out);
  }
  void L2Normalize(const OpContext& context, Matrix x) const override {
    cpu::L2Normalize(context, x);
  }
  void DotProducts(const OpContext& context, ConstMatrix queries, ConstMatrix rows,
                   Matrix scores) const override {
    cpu::DotProducts(context, queries, rows, scores);
  }
};

}  // namespace

const Backend& CpuBackend() {
  static const CpuBackendImpl backend;
  return backend;
}

}  // namespace bge
