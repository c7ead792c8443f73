#include "encoder/blocks.h"

#include <algorithm>
#include <cmath>

namespace bge {

namespace {

// x as a linear layer takes it: it is in scratch.input already, unless that is x itself.
ConstOperand InputOf(const LayerScratch& scratch, Matrix x) {
  if (scratch.input.data == nullptr) return x;
  return scratch.input;
}

// A matrix as a linear layer takes it, in `rounded` unless that is null.
ConstOperand Rounded(const Backend& backend, const OpContext& context, Matrix m,
                     const Operand& rounded) {
  if (rounded.data == nullptr) return m;
  backend.ToOperand(context, m, rounded);
  return rounded;
}

}  // namespace

LayerScratch::LayerScratch(const Backend& backend, Workspace& workspace, ComputeType type,
                           int64_t tokens, int64_t hidden_size, int64_t intermediate_size)
    : attended(workspace.NewMatrix(tokens, hidden_size)),
      projected(workspace.NewMatrix(tokens, hidden_size)) {
  const auto use_floats = [&](float* memory) {
    const Matrix qkv(memory, tokens, 3 * hidden_size);
    query = qkv.Columns(0, hidden_size);
    float_keys_values = qkv.Columns(hidden_size, 2 * hidden_size);
    keys_values = float_keys_values;
  };
  if (type == ComputeType::kFloat32) {
    float* wide = workspace.Floats(tokens * std::max(3 * hidden_size, intermediate_size));
    use_floats(wide);
    inner = Matrix(wide, tokens, intermediate_size);
    mixed = attended;
    return;
  }
  if (backend.AttentionInputType(type) == ComputeType::kFloat32) {
    use_floats(workspace.Floats(tokens * 3 * hidden_size));
  } else {
    // Queries, and behind them keys and values, words of two numbers on cache lines. Attention
    // reads a line or two of many queries at once, which an odd number of lines from row to row
    // keeps apart in the cache.
    constexpr int64_t kLineFloats = 16;
    const auto lines = [](int64_t floats) { return (floats + kLineFloats - 1) / kLineFloats; };
    const int64_t words = lines(hidden_size) * kLineFloats;
    const int64_t query_words = (lines((hidden_size + 1) / 2) | 1) * kLineFloats;
    float* const memory = workspace.Floats(tokens * 2 * words);
    query = {ComputeType::kBFloat16, memory, nullptr, tokens, hidden_size, 2 * query_words};
    keys_values = {ComputeType::kBFloat16,
                   memory + tokens * words,
                   nullptr,
                   tokens,
                   2 * hidden_size,
                   2 * words};
    float_keys_values = {memory, tokens, 2 * hidden_size, 2 * words};
  }
  input = NewOperand(workspace, type, tokens, hidden_size);
  mixed = input;
  inner = NewOperand(workspace, type, tokens, intermediate_size);
}

LayerScratch LayerScratch::Rows(int64_t rows) const {
  LayerScratch part;
  part.query = query.Rows(0, rows);
  part.keys_values = keys_values.Rows(0, rows);
  part.float_keys_values = float_keys_values.Rows(0, rows);
  part.attended = attended.Rows(0, rows);
  part.projected = projected.Rows(0, rows);
  part.input = input.Rows(0, rows);
  part.mixed = mixed.Rows(0, rows);
  part.inner = inner.Rows(0, rows);
  return part;
}

LayerScratch LayerScratch::WithFinerWeights(Workspace& workspace, ComputeType type) const {
  LayerScratch other = *this;
  other.mixed = type == ComputeType::kFloat32
                    ? Operand(attended)
                    : NewOperand(workspace, type, attended.rows, attended.cols);
  other.inner = NewOperand(workspace, type, inner.rows, inner.cols);
  return other;
}

Matrix FirstRows(Matrix x, std::span<const int32_t> cu_seqlens, Workspace& workspace) {
  const auto sequences = static_cast<int64_t>(cu_seqlens.size()) - 1;
  const Matrix first = workspace.NewMatrix(sequences, x.cols);
  for (int64_t n = 0; n < sequences; ++n) {
    std::copy_n(x.row(cu_seqlens[static_cast<size_t>(n)]), x.cols, first.row(n));
  }
  return first;
}

void AttentionBlock::Forward(const Backend& backend, const OpContext& context,
                             std::span<const int32_t> cu_seqlens, float epsilon,
                             const LayerScratch& scratch, Matrix x,
                             std::span<const int32_t> key_counts) const {
  const OpContext project = context.At(Stage::kQkv);
  const ConstOperand input = InputOf(scratch, x);
  Epilogue add_bias;  // to what attention adds none to
  if (scratch.query.type != ComputeType::kFloat32 && !qkv_bias.empty()) {
    add_bias.bias = std::span(qkv_bias).first(static_cast<size_t>(x.cols));
  }
  backend.Linear(project, input, *query, add_bias, scratch.query);
  backend.Linear(project, input, *key_value, {}, scratch.keys_values);
  backend.VarlenAttention(context, scratch.query, scratch.keys_values, qkv_bias, cu_seqlens,
                          Options(x, key_counts), query->type(), scratch.mixed);
  Finish(backend, context, epsilon, scratch, x);
}

void AttentionBlock::AttendFirstTokens(const Backend& backend, const OpContext& context,
                                       std::span<const int32_t> cu_seqlens,
                                       const LayerScratch& scratch, Matrix x, Matrix first) const {
  const OpContext project = context.At(Stage::kQkv);
  const LayerScratch few = scratch.Rows(first.rows);
  const Matrix& keys_values = scratch.float_keys_values;
  backend.Linear(project, InputOf(scratch, x), *key_value, {}, keys_values);
  backend.Linear(project, Rounded(backend, project, first, few.input), *query, {}, few.projected);
  backend.FirstTokenAttention(context, few.projected, keys_values, qkv_bias, cu_seqlens,
                              Options(x, {}), few.attended);
}

void AttentionBlock::Finish(const Backend& backend, const OpContext& context, float epsilon,
                            const LayerScratch& scratch, Matrix x,
                            const PreparedLinear* finer_output) const {
  backend.Linear(context.At(Stage::kOutput), scratch.mixed,
                 finer_output == nullptr ? *output : *finer_output, {}, scratch.projected);
  backend.AddBiasLayerNorm(context, scratch.projected, output_bias, x, norm.gamma, norm.beta,
                           epsilon, x, scratch.input);
}

AttentionOptions AttentionBlock::Options(Matrix x, std::span<const int32_t> key_counts) const {
  const int64_t head_dim = x.cols / num_heads;
  return {.num_heads = num_heads,
          .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
          .key_counts = key_counts,
          .relative_bias = relative_bias};
}

void FeedForwardBlock::Forward(const Backend& backend, const OpContext& context, float epsilon,
                               const LayerScratch& scratch, Matrix x,
                               const PreparedLinear* finer_down) const {
  const OpContext widen = context.At(Stage::kFfnUp);
  backend.Linear(widen, InputOf(scratch, x), *up, {up_bias, activation}, scratch.inner);
  backend.Linear(context.At(Stage::kFfnDown), scratch.inner,
                 finer_down == nullptr ? *down : *finer_down, {}, scratch.projected);
  backend.AddBiasLayerNorm(context, scratch.projected, down_bias, x, norm.gamma, norm.beta, epsilon,
                           x, scratch.input);
}

}  // namespace bge
