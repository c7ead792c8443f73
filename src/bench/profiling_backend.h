// A backend that hands every op to another and keeps a table of what each stage of the model cost.
#ifndef BGE_BENCH_PROFILING_BACKEND_H_
#define BGE_BENCH_PROFILING_BACKEND_H_

#include "kernels/backend.h"

#include <array>
#include <atomic>
#include <cstdint>

namespace bge {

/// What the ops of a stage did.
struct StageCost {
  int64_t calls = 0;
  /// Of threads: an op that all threads of a pool share counts as often as there are threads.
  double thread_seconds = 0;
  /// Two for each multiply-add of the products of matrices, in linear layers, attention and scans;
  /// nothing for the rest, which is bound by memory.
  int64_t flops = 0;
  /// That the ops read and write at least: their inputs, weights and outputs once each.
  int64_t bytes = 0;
};

/// Thread-safe. Costs an op two looks at the clock, some 50 ns; who does not measure pays nothing,
/// because the engine then runs on the other backend itself.
class ProfilingBackend : public Backend {
 public:
  /// `backend` must outlive it. Linear layers are those of `backend`.
  explicit ProfilingBackend(const Backend& backend) : backend_(backend) {}

  StageCost cost(Stage stage) const;
  /// Sets all costs to nothing. No op may be running.
  void Reset();

  std::string_view name() const override { return backend_.name(); }
  bool Supports(ComputeType type) const override { return backend_.Supports(type); }
  std::unique_ptr<const PreparedLinear> PrepareLinear(
      std::span<const TensorView> parts, ComputeType type,
      std::span<const int32_t> exact_columns) const override;
  /// What the other backend does to the product while it is in the cache is done after it, step by
  /// step, so that each step has its own time. The results are the same.
  std::string PackedLayout(ComputeType type) const override { return backend_.PackedLayout(type); }
  std::unique_ptr<const PreparedLinear> FromPacked(
      std::span<const std::byte> memory, int64_t n, int64_t k, ComputeType type,
      std::span<const int32_t> exact_columns) const override {
    return backend_.FromPacked(memory, n, k, type, exact_columns);
  }
  void Linear(const OpContext& context, const ConstOperand& x, const PreparedLinear& w,
              const Epilogue& epilogue, const Operand& y) const override;
  void PooledLinear(const OpContext& context, const ConstOperand& x, const PreparedLinear& w,
                    std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                    TermPooling pooling, Matrix out) const override;
  void ToOperand(const OpContext& context, ConstMatrix x, const Operand& out) const override;
  void EmbedLayerNorm(const OpContext& context, const EmbeddingInputs& inputs,
                      const EmbeddingTables& tables, std::span<const float> gamma,
                      std::span<const float> beta, float epsilon, Matrix out,
                      const Operand& rounded) const override;
  void AddBiasLayerNorm(const OpContext& context, ConstMatrix x, std::span<const float> bias,
                        ConstMatrix residual, std::span<const float> gamma,
                        std::span<const float> beta, float epsilon, Matrix out,
                        const Operand& rounded) const override;
  void BiasActivation(const OpContext& context, Matrix x, std::span<const float> bias,
                      Activation activation) const override;
  void ResidualLayerNorm(const OpContext& context, ConstMatrix y, std::span<const float> bias,
                         std::span<const float> gamma, std::span<const float> beta, float epsilon,
                         Matrix x, const Operand& normalized) const override;
  void GatedActivation(const OpContext& context, ConstMatrix x, Activation activation,
                       const Operand& out) const override;
  void RotaryEmbedding(const OpContext& context, ConstMatrix turns,
                       std::span<const int32_t> cu_seqlens, Matrix x) const override;
  ComputeType AttentionInputType(ComputeType type) const override {
    return backend_.AttentionInputType(type);
  }
  void VarlenAttention(const OpContext& context, const ConstOperand& q,
                       const ConstOperand& keys_values, std::span<const float> bias,
                       std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                       ComputeType type, const Operand& out) const override;
  void FirstTokenAttention(const OpContext& context, ConstMatrix q, ConstMatrix keys_values,
                           std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                           const AttentionOptions& attention, Matrix out) const override;
  void Pool(const OpContext& context, ConstMatrix hidden, std::span<const PoolRange> ranges,
            Pooling pooling, Matrix out) const override;
  void L2Normalize(const OpContext& context, Matrix x) const override;
  void DotProducts(const OpContext& context, ConstMatrix queries, ConstMatrix rows,
                   Matrix scores) const override;

 private:
  // On a cache line of its own: threads add to different stages at once.
  struct alignas(64) Row {
    std::atomic<int64_t> calls = 0;
    std::atomic<int64_t> nanoseconds = 0;
    std::atomic<int64_t> flops = 0;
    std::atomic<int64_t> bytes = 0;
  };
  template <typename Op>
  void Measure(const OpContext& context, Stage stage, int64_t flops, int64_t bytes,
               const Op& op) const;

  const Backend& backend_;
  mutable std::array<Row, static_cast<size_t>(Stage::kPool) + 1> rows_;
};

}  // namespace bge

#endif  // BGE_BENCH_PROFILING_BACKEND_H_
