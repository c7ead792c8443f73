// Token vectors to one vector: the six modes of sentence-transformers' Pooling module.
//
// Memory-bound: each hidden value is read once. Sums run in blocks of 64 tokens, so that the
// rounding error of a long text grows with the number of blocks, not of tokens.
#include "kernels/cpu/ops.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include <algorithm>
#include <cmath>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

constexpr int64_t kSumBlock = 64;  // tokens

struct SumStep {
  template <class D, class V>
  HWY_INLINE V operator()(D, V sum, V v, float /*weight*/) const {
    return hn::Add(sum, v);
  }
};

struct WeightedStep {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V sum, V v, float weight) const {
    return hn::MulAdd(v, hn::Set(d, weight), sum);
  }
};

// row[h] = sum of hidden over the range, times `factor`.
template <class D, class Step>
HWY_INLINE void SumRange(D d, ConstMatrix hidden, const PoolRange& range, float factor, Step step,
                         float* row) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t h = 0; h < hidden.cols; h += lanes) {
    const auto left = static_cast<size_t>(hidden.cols - h);
    const bool whole = left >= hn::Lanes(d);
    auto total = hn::Zero(d);
    for (int64_t block = range.begin; block < range.end; block += kSumBlock) {
      auto sum = hn::Zero(d);
      for (int64_t t = block; t < std::min(range.end, block + kSumBlock); ++t) {
        const float* from = hidden.row(t) + h;
        const auto v = whole ? hn::LoadU(d, from) : LoadFirst(d, from, left);
        sum = step(d, sum, v, static_cast<float>(t - range.sequence_begin + 1));
      }
      total = hn::Add(total, sum);
    }
    total = hn::Mul(total, hn::Set(d, factor));
    if (whole) {
      hn::StoreU(total, d, row + h);
    } else {
      StoreFirst(d, total, row + h, left);
    }
  }
}

void MaxRange(ConstMatrix hidden, const PoolRange& range, float* row) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t h = 0; h < hidden.cols; h += lanes) {
    const auto left = static_cast<size_t>(hidden.cols - h);
    const bool whole = left >= hn::Lanes(d);
    const auto load = [&](int64_t t) HWY_ATTR {
      const float* from = hidden.row(t) + h;
      return whole ? hn::LoadU(d, from) : LoadFirst(d, from, left);
    };
    auto max = load(range.begin);
    for (int64_t t = range.begin + 1; t < range.end; ++t) {
      const auto v = load(t);
      // NaN wins, as in torch.
      max = hn::IfThenElse(hn::Or(hn::Gt(v, max), hn::IsNaN(v)), v, max);
    }
    if (whole) {
      hn::StoreU(max, d, row + h);
    } else {
      StoreFirst(d, max, row + h, left);
    }
  }
}

void PoolRow(ConstMatrix hidden, const PoolRange& range, Pooling pooling, float* row) {
  const hn::ScalableTag<float> d;
  const double count = static_cast<double>(range.end - range.begin);
  switch (pooling) {
    case Pooling::kMax:
      return MaxRange(hidden, range, row);
    case Pooling::kMean:
      return SumRange(d, hidden, range, static_cast<float>(1.0 / count), SumStep(), row);
    case Pooling::kMeanSqrtLen:
      return SumRange(d, hidden, range, static_cast<float>(1.0 / std::sqrt(count)), SumStep(), row);
    case Pooling::kWeightedMean: {
      // Weights are 1-based positions in the whole sequence: an arithmetic series.
      const double first = static_cast<double>(range.begin - range.sequence_begin + 1);
      const double sum = count * (2.0 * first + count - 1.0) / 2.0;
      return SumRange(d, hidden, range, static_cast<float>(1.0 / sum), WeightedStep(), row);
    }
    case Pooling::kCls:
    case Pooling::kLastToken:
      return;  // a copy, made by the caller
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(PoolRow);

void Pool(const OpContext& context, ConstMatrix hidden, std::span<const PoolRange> ranges,
          Pooling pooling, Matrix out) {
  BGE_DCHECK(static_cast<int64_t>(ranges.size()) == out.rows && hidden.cols == out.cols);
  const size_t row_bytes = static_cast<size_t>(out.cols) * sizeof(float);
  const bool picks = pooling == Pooling::kCls || pooling == Pooling::kLastToken;
  const auto pool_row = [&](int64_t n) {
    const PoolRange& range = ranges[static_cast<size_t>(n)];
    float* row = out.row(n);
    const bool empty = range.begin >= range.end;
    if (!empty && !picks) {
      HWY_DYNAMIC_DISPATCH(PoolRow)(hidden, range, pooling, row);
    } else if (!empty) {
      const int64_t t = pooling == Pooling::kCls ? range.begin : range.end - 1;
      std::memcpy(row, hidden.row(t), row_bytes);
    } else if (pooling == Pooling::kCls && range.sequence_begin < range.begin) {
      std::memcpy(row, hidden.row(range.sequence_begin), row_bytes);
    } else {
      std::fill(row, row + out.cols, 0.0f);
    }
  };
  const int64_t tokens = picks ? 1 : 1 + hidden.rows / std::max<int64_t>(out.rows, 1);
  context.pool.ParallelFor(out.rows, RowGrain(out.cols * tokens), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) pool_row(n);
  });
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
