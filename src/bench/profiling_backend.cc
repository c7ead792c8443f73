#include "bench/profiling_backend.h"

#include "base/per_thread.h"

#include <chrono>

namespace bge {

namespace {

constexpr int64_t kFloatBytes = sizeof(float);

int64_t Bytes(const ConstOperand& x) {
  return x.data == nullptr ? 0 : x.rows * x.cols * OperandElementBytes(x.type);
}

int64_t WeightBytes(const PreparedLinear& w) {
  return w.in_features() * w.out_features() * OperandElementBytes(w.type());
}

int64_t RowBytes(const TensorView& table) {
  if (table.data == nullptr) return 0;
  return table.shape[1] * static_cast<int64_t>(DTypeBytes(table.dtype));
}

// Of the calling thread, until its next call: memory that the pass keeps would be new for every
// operation, and its pages would count as the operation's time.
Matrix FloatsBeforeRounding(int64_t rows, int64_t cols) {
  static PerThread<Workspace> workspaces;
  Workspace& workspace = workspaces.Get();
  workspace.Reset();
  return workspace.NewMatrix(rows, cols);
}

}  // namespace

// The op's own stage is `stage`, unless the caller has labelled the call.
template <typename Op>
void ProfilingBackend::Measure(const OpContext& context, Stage stage, int64_t flops, int64_t bytes,
                               const Op& op) const {
  if (context.stage != Stage::kUnlabelled) stage = context.stage;
  const int64_t threads = context.pool.available_threads();
  const auto start = std::chrono::steady_clock::now();
  op();
  const auto time = std::chrono::steady_clock::now() - start;
  Row& row = rows_[static_cast<size_t>(stage)];
  const auto add = [](std::atomic<int64_t>* sum, int64_t value) {
    sum->fetch_add(value, std::memory_order_relaxed);
  };
  add(&row.calls, 1);
  add(&row.nanoseconds,
      threads * std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
  add(&row.flops, flops);
  add(&row.bytes, bytes);
}

StageCost ProfilingBackend::cost(Stage stage) const {
  const Row& row = rows_[static_cast<size_t>(stage)];
  return {.calls = row.calls,
          .thread_seconds = 1e-9 * static_cast<double>(row.nanoseconds),
          .flops = row.flops,
          .bytes = row.bytes};
}

void ProfilingBackend::Reset() {
  for (Row& row : rows_) {
    row.calls = 0;
    row.nanoseconds = 0;
    row.flops = 0;
    row.bytes = 0;
  }
}

std::unique_ptr<const PreparedLinear> ProfilingBackend::PrepareLinear(
    std::span<const TensorView> parts, ComputeType type,
    std::span<const int32_t> exact_columns) const {
  return backend_.PrepareLinear(parts, type, exact_columns);
}

void ProfilingBackend::Linear(const OpContext& context, const ConstOperand& x,
                              const PreparedLinear& w, const Epilogue& epilogue,
                              const Operand& y) const {
  const bool rounded = y.type != ComputeType::kFloat32;
  const Matrix product = rounded ? FloatsBeforeRounding(y.rows, y.cols) : y.matrix();
  Measure(context, Stage::kUnlabelled, 2 * x.rows * w.in_features() * w.out_features(),
          Bytes(x) + WeightBytes(w) + Bytes(product),
          [&] { backend_.Linear(context, x, w, {}, product); });
  const OpContext unlabelled = context.At(Stage::kUnlabelled);
  if (!epilogue.bias.empty() || epilogue.activation != Activation::kIdentity) {
    BiasActivation(unlabelled, product, epilogue.bias, epilogue.activation);
  }
  if (rounded) ToOperand(unlabelled, product, y);
}

void ProfilingBackend::PooledLinear(const OpContext& context, const ConstOperand& x,
                                    const PreparedLinear& w, std::span<const float> bias,
                                    std::span<const int32_t> cu_seqlens, TermPooling pooling,
                                    Matrix out) const {
  Measure(context, Stage::kPool, 2 * x.rows * w.in_features() * w.out_features(),
          Bytes(x) + WeightBytes(w) + Bytes(out),
          [&] { backend_.PooledLinear(context, x, w, bias, cu_seqlens, pooling, out); });
}

void ProfilingBackend::ToOperand(const OpContext& context, ConstMatrix x,
                                 const Operand& out) const {
  Measure(context.At(Stage::kUnlabelled), Stage::kRounding, 0, Bytes(x) + Bytes(out),
          [&] { backend_.ToOperand(context, x, out); });
}

void ProfilingBackend::EmbedLayerNorm(const OpContext& context, const EmbeddingInputs& inputs,
                                      const EmbeddingTables& tables, std::span<const float> gamma,
                                      std::span<const float> beta, float epsilon, Matrix out,
                                      const Operand& rounded) const {
  const int64_t row =
      RowBytes(tables.word) + RowBytes(tables.position) + RowBytes(tables.token_type);
  Measure(context, Stage::kEmbed, 0, out.rows * row + Bytes(out),
          [&] { backend_.EmbedLayerNorm(context, inputs, tables, gamma, beta, epsilon, out, {}); });
  if (rounded.data != nullptr) ToOperand(context, out, rounded);
}

void ProfilingBackend::AddBiasLayerNorm(const OpContext& context, ConstMatrix x,
                                        std::span<const float> bias, ConstMatrix residual,
                                        std::span<const float> gamma, std::span<const float> beta,
                                        float epsilon, Matrix out, const Operand& rounded) const {
  Measure(context, Stage::kNorms, 0, Bytes(x) + Bytes(residual) + Bytes(out), [&] {
    backend_.AddBiasLayerNorm(context, x, bias, residual, gamma, beta, epsilon, out, {});
  });
  if (rounded.data != nullptr) ToOperand(context, out, rounded);
}

void ProfilingBackend::BiasActivation(const OpContext& context, Matrix x,
                                      std::span<const float> bias, Activation activation) const {
  Measure(context, Stage::kActivation, 0, 2 * Bytes(x),
          [&] { backend_.BiasActivation(context, x, bias, activation); });
}

void ProfilingBackend::ResidualLayerNorm(const OpContext& context, ConstMatrix y,
                                         std::span<const float> bias, std::span<const float> gamma,
                                         std::span<const float> beta, float epsilon, Matrix x,
                                         const Operand& normalized) const {
  const bool rounded = normalized.type != ComputeType::kFloat32;
  const Matrix floats = rounded ? FloatsBeforeRounding(x.rows, x.cols) : normalized.matrix();
  Measure(context, Stage::kNorms, 0, Bytes(y) + 2 * Bytes(x) + Bytes(floats),
          [&] { backend_.ResidualLayerNorm(context, y, bias, gamma, beta, epsilon, x, floats); });
  if (rounded) ToOperand(context, floats, normalized);
}

void ProfilingBackend::GatedActivation(const OpContext& context, ConstMatrix x,
                                       Activation activation, const Operand& out) const {
  const bool rounded = out.type != ComputeType::kFloat32;
  const Matrix floats = rounded ? FloatsBeforeRounding(out.rows, out.cols) : out.matrix();
  Measure(context, Stage::kActivation, 0, Bytes(x) + Bytes(floats),
          [&] { backend_.GatedActivation(context, x, activation, floats); });
  if (rounded) ToOperand(context, floats, out);
}

void ProfilingBackend::RotaryEmbedding(const OpContext& context, ConstMatrix turns,
                                       std::span<const int32_t> cu_seqlens, Matrix x) const {
  Measure(context, Stage::kAttention, 0, 2 * Bytes(x),
          [&] { backend_.RotaryEmbedding(context, turns, cu_seqlens, x); });
}

void ProfilingBackend::VarlenAttention(const OpContext& context, const ConstOperand& q,
                                       const ConstOperand& keys_values, std::span<const float> bias,
                                       std::span<const int32_t> cu_seqlens,
                                       const AttentionOptions& attention, ComputeType type,
                                       const Operand& out) const {
  int64_t pairs = 0;  // of a query and a key
  for (size_t n = 1; n < cu_seqlens.size(); ++n) {
    pairs += attention.NumPairs(n - 1, cu_seqlens[n] - cu_seqlens[n - 1]);
  }
  // Rounding to bfloat16 is a part of attention; to int8 it is a pass of its own.
  const bool rounded = out.type == ComputeType::kInt8;
  const Operand result = rounded ? Operand(FloatsBeforeRounding(out.rows, out.cols)) : out;
  // For each pair q . k and its share of v, both over all heads: 2 H each.
  Measure(context, Stage::kAttention, 4 * pairs * out.cols,
          Bytes(q) + Bytes(keys_values) + Bytes(result), [&] {
            backend_.VarlenAttention(context, q, keys_values, bias, cu_seqlens, attention, type,
                                     result);
          });
  if (rounded) ToOperand(context, result.matrix(), out);
}

void ProfilingBackend::FirstTokenAttention(const OpContext& context, ConstMatrix q,
                                           ConstMatrix keys_values, std::span<const float> bias,
                                           std::span<const int32_t> cu_seqlens,
                                           const AttentionOptions& attention, Matrix out) const {
  Measure(context, Stage::kAttention, 4 * keys_values.rows * out.cols,
          Bytes(q) + Bytes(keys_values) + Bytes(out), [&] {
            backend_.FirstTokenAttention(context, q, keys_values, bias, cu_seqlens, attention, out);
          });
}

void ProfilingBackend::Pool(const OpContext& context, ConstMatrix hidden,
                            std::span<const PoolRange> ranges, Pooling pooling, Matrix out) const {
  int64_t rows = static_cast<int64_t>(ranges.size());
  if (pooling != Pooling::kCls && pooling != Pooling::kLastToken) {
    rows = 0;
    for (const PoolRange& range : ranges) rows += range.end - range.begin;
  }
  Measure(context, Stage::kPool, 0, rows * hidden.cols * kFloatBytes + Bytes(out),
          [&] { backend_.Pool(context, hidden, ranges, pooling, out); });
}

void ProfilingBackend::L2Normalize(const OpContext& context, Matrix x) const {
  Measure(context, Stage::kPool, 0, 2 * Bytes(x), [&] { backend_.L2Normalize(context, x); });
}

void ProfilingBackend::DotProducts(const OpContext& context, ConstMatrix queries, ConstMatrix rows,
                                   Matrix scores) const {
  Measure(context, Stage::kUnlabelled, 2 * queries.rows * rows.rows * rows.cols,
          Bytes(queries) + Bytes(rows) + Bytes(scores),
          [&] { backend_.DotProducts(context, queries, rows, scores); });
}

}  // namespace bge
