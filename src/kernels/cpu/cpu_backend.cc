// The CPU backend: Highway kernels behind the op set.
#include "base/env.h"
#include "base/error.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/ops.h"
#include "kernels/cpu/targets.h"

#include <memory>
#include <string>

namespace bge {

namespace {

class CpuBackendImpl : public Backend {
 public:
  std::string_view name() const override { return "cpu"; }

  bool Supports(ComputeType type) const override {
    switch (type) {
      case ComputeType::kFloat32:
        return true;
      case ComputeType::kBFloat16:
        return cpu::Bf16Kernel().multiply != nullptr;
      case ComputeType::kInt8:
        return cpu::Int8Kernel().multiply != nullptr;
    }
    return false;
  }
  std::unique_ptr<const PreparedLinear> PrepareLinear(
      std::span<const TensorView> parts, ComputeType type,
      std::span<const int32_t> exact_columns) const override {
    return cpu::PrepareLinear(parts, type, exact_columns);
  }
  std::string PackedLayout(ComputeType type) const override { return cpu::PackedLayout(type); }
  std::unique_ptr<const PreparedLinear> FromPacked(
      std::span<const std::byte> memory, int64_t n, int64_t k, ComputeType type,
      std::span<const int32_t> exact_columns) const override {
    return cpu::FromPacked(memory, n, k, type, exact_columns);
  }
  void Linear(const OpContext& context, const ConstOperand& x, const PreparedLinear& w,
              const Epilogue& epilogue, const Operand& y) const override {
    cpu::Linear(context, x, w, epilogue, y);
  }
  void PooledLinear(const OpContext& context, const ConstOperand& x, const PreparedLinear& w,
                    std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                    TermPooling pooling, Matrix out) const override {
    cpu::PooledLinear(context, x, w, bias, cu_seqlens, pooling, out);
  }
  void ToOperand(const OpContext& context, ConstMatrix x, const Operand& out) const override {
    cpu::ToOperand(context, x, out);
  }
  void EmbedLayerNorm(const OpContext& context, const EmbeddingInputs& inputs,
                      const EmbeddingTables& tables, std::span<const float> gamma,
                      std::span<const float> beta, float epsilon, Matrix out,
                      const Operand& rounded) const override {
    cpu::EmbedLayerNorm(context, inputs, tables, gamma, beta, epsilon, out, rounded);
  }
  void AddBiasLayerNorm(const OpContext& context, ConstMatrix x, std::span<const float> bias,
                        ConstMatrix residual, std::span<const float> gamma,
                        std::span<const float> beta, float epsilon, Matrix out,
                        const Operand& rounded) const override {
    cpu::AddBiasLayerNorm(context, x, bias, residual, gamma, beta, epsilon, out, rounded);
  }
  void BiasActivation(const OpContext& context, Matrix x, std::span<const float> bias,
                      Activation activation) const override {
    cpu::BiasActivation(context, x, bias, activation);
  }
  void ResidualLayerNorm(const OpContext& context, ConstMatrix y, std::span<const float> bias,
                         std::span<const float> gamma, std::span<const float> beta, float epsilon,
                         Matrix x, const Operand& normalized) const override {
    cpu::ResidualLayerNorm(context, y, bias, gamma, beta, epsilon, x, normalized);
  }
  void GatedActivation(const OpContext& context, ConstMatrix x, Activation activation,
                       const Operand& out) const override {
    cpu::GatedActivation(context, x, activation, out);
  }
  void RotaryEmbedding(const OpContext& context, ConstMatrix turns,
                       std::span<const int32_t> cu_seqlens, Matrix x) const override {
    cpu::RotaryEmbedding(context, turns, cu_seqlens, x);
  }
  ComputeType AttentionInputType(ComputeType type) const override {
    return cpu::AttentionInputType(type);
  }
  void VarlenAttention(const OpContext& context, const ConstOperand& q,
                       const ConstOperand& keys_values, std::span<const float> bias,
                       std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                       ComputeType type, const Operand& out) const override {
    cpu::VarlenAttention(context, q, keys_values, bias, cu_seqlens, attention, type, out);
  }
  void FirstTokenAttention(const OpContext& context, ConstMatrix q, ConstMatrix keys_values,
                           std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                           const AttentionOptions& attention, Matrix out) const override {
    cpu::FirstTokenAttention(context, q, keys_values, bias, cu_seqlens, attention, out);
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

class SizedLinear : public PreparedLinear {
 public:
  SizedLinear(ComputeType type, int64_t rows, int64_t columns)
      : type_(type), rows_(rows), columns_(columns) {}
  ComputeType type() const override { return type_; }
  int64_t in_features() const override { return columns_; }
  int64_t out_features() const override { return rows_; }
  size_t owned_bytes() const override { return 0; }

 private:
  const ComputeType type_;
  const int64_t rows_;
  const int64_t columns_;
};

class SizesOnlyBackendImpl : public CpuBackendImpl {
 public:
  std::unique_ptr<const PreparedLinear> PrepareLinear(
      std::span<const TensorView> parts, ComputeType type,
      std::span<const int32_t> /*exact_columns*/) const override {
    int64_t rows = 0;
    for (const TensorView& part : parts) rows += part.shape[0];
    return std::make_unique<SizedLinear>(type, rows, parts[0].shape[1]);
  }
  // So that no cache of packed weights is read, or written.
  std::string PackedLayout(ComputeType /*type*/) const override { return {}; }
};

}  // namespace

const Backend& CpuBackend() {
  static const CpuBackendImpl backend = [] {
    if (const auto target = GetEnv("BGE_CPU_TARGET"); target && !cpu::ForceTarget(*target)) {
      std::string supported;
      for (const std::string& name : cpu::SupportedTargets()) {
        supported += (supported.empty() ? "" : ", ") + name;
      }
      Fail(ErrorCode::kInvalidArgument, "this CPU does not run that instruction set",
           "BGE_CPU_TARGET: found " + Printable(*target, 60) + ", expected one of " + supported,
           "unset the variable, or choose one of these");
    }
    return CpuBackendImpl();
  }();
  return backend;
}

const Backend& SizesOnlyBackend() {
  static_cast<void>(CpuBackend());  // an error of BGE_CPU_TARGET is one here too
  static const SizesOnlyBackendImpl backend;
  return backend;
}

}  // namespace bge
