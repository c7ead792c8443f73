// out = LayerNorm((x + bias) + residual), the same beside the sum, and the embedding lookup that
// ends in it.
//
// One row is a few kilobytes: the sum is written to its place in `out`, and the passes for mean,
// variance and result find it in the first-level cache. Two passes (never E[x^2] - E[x]^2 around
// zero, which cancels); the order of additions depends on H alone.
#include "kernels/cpu/ops.h"
#include "kernels/cpu/scratch.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/layer_norm.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/load_table-inl.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include <algorithm>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// Sum of a row, in an order that depends on its size alone.
template <class D>
HWY_INLINE float RowSum(D d, const float* row, int64_t size) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d);
  auto s1 = hn::Zero(d);
  auto s2 = hn::Zero(d);
  auto s3 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 4 * lanes <= size; i += 4 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, row + i));
    s1 = hn::Add(s1, hn::LoadU(d, row + i + lanes));
    s2 = hn::Add(s2, hn::LoadU(d, row + i + 2 * lanes));
    s3 = hn::Add(s3, hn::LoadU(d, row + i + 3 * lanes));
  }
  for (; i + lanes <= size; i += lanes) s0 = hn::Add(s0, hn::LoadU(d, row + i));
  float sum = Sum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
  for (; i < size; ++i) sum += row[i];
  return sum;
}

// Sums of v - center and of its square.
struct CenteredSums {
  float first;
  float second;
};
template <class D>
HWY_INLINE CenteredSums RowCenteredSums(D d, const float* row, int64_t size, float center) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto c = hn::Set(d, center);
  auto first0 = hn::Zero(d);
  auto first1 = hn::Zero(d);
  auto second0 = hn::Zero(d);
  auto second1 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= size; i += 2 * lanes) {
    const auto v0 = hn::Sub(hn::LoadU(d, row + i), c);
    const auto v1 = hn::Sub(hn::LoadU(d, row + i + lanes), c);
    first0 = hn::Add(first0, v0);
    first1 = hn::Add(first1, v1);
    second0 = hn::MulAdd(v0, v0, second0);
    second1 = hn::MulAdd(v1, v1, second1);
  }
  CenteredSums sums = {Sum(d, hn::Add(first0, first1)), Sum(d, hn::Add(second0, second1))};
  for (; i < size; ++i) {
    const float v = row[i] - center;
    sums.first += v;
    sums.second += v * v;
  }
  return sums;
}

// Normalises row[0, size), whose numbers add up to row_sum, into `out`, which may be `row`. What
// the float `center` is off from the mean comes out of the second pass, `shift`, and is taken off
// too.
template <class D>
HWY_INLINE void NormalizeRow(D d, const float* row, float row_sum, const float* gamma,
                             const float* beta, float epsilon, float* out, int64_t size) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float count = static_cast<float>(size);
  const float center = row_sum / count;
  const CenteredSums sums = RowCenteredSums(d, row, size, center);
  const float shift = sums.first / count;
  // Max lets NaN through in this order.
  const float variance = std::max(sums.second / count - shift * shift, 0.0f);
  const float inverse = 1.0f / std::sqrt(variance + epsilon);
  const auto vcenter = hn::Set(d, center);
  const auto vshift = hn::Set(d, shift);
  const auto vinverse = hn::Set(d, inverse);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const auto v = hn::Sub(hn::Sub(hn::LoadU(d, row + i), vcenter), vshift);
    hn::StoreU(hn::MulAdd(hn::Mul(v, vinverse), hn::LoadU(d, gamma + i), hn::LoadU(d, beta + i)), d,
               out + i);
  }
  for (; i < size; ++i) out[i] = (row[i] - center - shift) * inverse * gamma[i] + beta[i];
}

// to[i] = from[i] + bias[i] + add[i]; returns the sum of them. bias and add may be null.
template <class D>
HWY_INLINE float AddRow(D d, const float* from, const float* bias, const float* add, float* to,
                        int64_t size) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sums = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    auto v = hn::LoadU(d, from + i);
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + i));
    if (add != nullptr) v = hn::Add(v, hn::LoadU(d, add + i));
    hn::StoreU(v, d, to + i);
    sums = hn::Add(sums, v);
  }
  float row_sum = Sum(d, sums);
  for (; i < size; ++i) {
    float v = from[i];
    if (bias != nullptr) v += bias[i];
    if (add != nullptr) v += add[i];
    to[i] = v;
    row_sum += v;
  }
  return row_sum;
}

// bias: [H] or null; residual.data may be null.
void AddNormRows(ConstMatrix x, const float* bias, ConstMatrix residual, const float* gamma,
                 const float* beta, float epsilon, Matrix out) {
  const hn::ScalableTag<float> d;
  for (int64_t t = 0; t < x.rows; ++t) {
    const float* add = residual.data == nullptr ? nullptr : residual.row(t);
    float* to = out.row(t);
    const float row_sum = AddRow(d, x.row(t), bias, add, to, x.cols);
    NormalizeRow(d, to, row_sum, gamma, beta, epsilon, to, x.cols);
  }
}

// x += y + bias; out = LayerNorm(x). bias: [H] or null; y.data may be null.
void AddToNormRows(ConstMatrix y, const float* bias, const float* gamma, const float* beta,
                   float epsilon, Matrix x, Matrix out) {
  const hn::ScalableTag<float> d;
  for (int64_t t = 0; t < x.rows; ++t) {
    float* row = x.row(t);
    const float row_sum =
        y.data == nullptr ? RowSum(d, row, x.cols) : AddRow(d, y.row(t), bias, row, row, x.cols);
    NormalizeRow(d, row, row_sum, gamma, beta, epsilon, out.row(t), x.cols);
  }
}

// Rows [begin, end) of the lookup.
void EmbedNormRows(const EmbeddingInputs& inputs, const EmbeddingTables& tables, const float* gamma,
                   const float* beta, float epsilon, Matrix out, int64_t begin, int64_t end) {
  const hn::ScalableTag<float> d;
  const int64_t hidden_size = out.cols;
  for (int64_t t = begin; t < end; ++t) {
    const auto i = static_cast<size_t>(t);
    float* to = out.row(t);
    ReadRange<false>(d, tables.word, inputs.input_ids[i] * hidden_size, hidden_size, to);
    if (tables.token_type.data != nullptr) {
      const int64_t type = inputs.token_type_ids.empty() ? 0 : inputs.token_type_ids[i];
      ReadRange<true>(d, tables.token_type, type * hidden_size, hidden_size, to);
    }
    if (tables.position.data != nullptr) {
      ReadRange<true>(d, tables.position, inputs.position_ids[i] * hidden_size, hidden_size, to);
    }
    NormalizeRow(d, to, RowSum(d, to, hidden_size), gamma, beta, epsilon, to, hidden_size);
  }
}

void ConvertRange(const TensorView& tensor, int64_t begin, int64_t count, float* out) {
  const hn::ScalableTag<float> d;
  ReadRange<false>(d, tensor, begin, count, out);
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(AddNormRows);
HWY_EXPORT(AddToNormRows);
HWY_EXPORT(EmbedNormRows);
HWY_EXPORT(ConvertRange);

namespace {

// Rows that are rounded as soon as they are normalised: few enough for the first-level cache.
constexpr int64_t kRowsAtOnce = 8;

// normalize(begin, n) for all rows, shared between threads, each few followed by their rounding.
template <typename Normalize>
void ForRows(const OpContext& context, Matrix out, const Operand& rounded,
             const Normalize& normalize) {
  context.pool.ParallelFor(out.rows, RowGrain(out.cols), [&](int64_t begin, int64_t end) {
    if (rounded.data == nullptr) return normalize(begin, end - begin);
    for (int64_t row = begin; row < end; row += kRowsAtOnce) {
      const int64_t n = std::min(kRowsAtOnce, end - row);
      normalize(row, n);
      NarrowRows(out.Rows(row, n), rounded.Rows(row, n));
    }
  });
}

}  // namespace

void AddBiasLayerNorm(const OpContext& context, ConstMatrix x, std::span<const float> bias,
                      ConstMatrix residual, std::span<const float> gamma,
                      std::span<const float> beta, float epsilon, Matrix out,
                      const Operand& rounded) {
  BGE_DCHECK(bias.empty() || static_cast<int64_t>(bias.size()) == x.cols);
  BGE_DCHECK(static_cast<int64_t>(gamma.size()) == x.cols && gamma.size() == beta.size());
  BGE_DCHECK(out.rows == x.rows && out.cols == x.cols);
  const float* b = bias.empty() ? nullptr : bias.data();
  ForRows(context, out, rounded, [&](int64_t begin, int64_t n) {
    const ConstMatrix add = residual.data == nullptr ? residual : residual.Rows(begin, n);
    HWY_DYNAMIC_DISPATCH(AddNormRows)
    (x.Rows(begin, n), b, add, gamma.data(), beta.data(), epsilon, out.Rows(begin, n));
  });
}

void ResidualLayerNorm(const OpContext& context, ConstMatrix y, std::span<const float> bias,
                       std::span<const float> gamma, std::span<const float> beta, float epsilon,
                       Matrix x, const Operand& normalized) {
  BGE_DCHECK(bias.empty() || static_cast<int64_t>(bias.size()) == x.cols);
  BGE_DCHECK(static_cast<int64_t>(gamma.size()) == x.cols && gamma.size() == beta.size());
  BGE_DCHECK(normalized.rows == x.rows && normalized.cols == x.cols && normalized.data != x.data);
  const float* b = bias.empty() ? nullptr : bias.data();
  const auto add_norm = [&](int64_t begin, int64_t n, Matrix out) {
    const ConstMatrix add = y.data == nullptr ? y : y.Rows(begin, n);
    HWY_DYNAMIC_DISPATCH(AddToNormRows)
    (add, b, gamma.data(), beta.data(), epsilon, x.Rows(begin, n), out);
  };
  context.pool.ParallelFor(x.rows, RowGrain(x.cols), [&](int64_t begin, int64_t end) {
    if (normalized.type == ComputeType::kFloat32) {
      return add_norm(begin, end - begin, normalized.Rows(begin, end - begin).matrix());
    }
    thread_local FloatScratch scratch;
    float* memory = scratch.Floats(static_cast<size_t>(kRowsAtOnce * x.cols));
    for (int64_t row = begin; row < end; row += kRowsAtOnce) {
      const int64_t n = std::min(kRowsAtOnce, end - row);
      const Matrix floats(memory, n, x.cols);
      add_norm(row, n, floats);
      NarrowRows(floats, normalized.Rows(row, n));
    }
  });
}

void EmbedLayerNorm(const OpContext& context, const EmbeddingInputs& inputs,
                    const EmbeddingTables& tables, std::span<const float> gamma,
                    std::span<const float> beta, float epsilon, Matrix out,
                    const Operand& rounded) {
  BGE_DCHECK(static_cast<int64_t>(inputs.input_ids.size()) == out.rows);
  BGE_DCHECK(static_cast<int64_t>(gamma.size()) == out.cols && gamma.size() == beta.size());
  ForRows(context, out, rounded, [&](int64_t begin, int64_t n) {
    HWY_DYNAMIC_DISPATCH(EmbedNormRows)
    (inputs, tables, gamma.data(), beta.data(), epsilon, out, begin, begin + n);
  });
}

void ConvertToFloat(const TensorView& tensor, int64_t begin, int64_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(ConvertRange)(tensor, begin, count, out);
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
