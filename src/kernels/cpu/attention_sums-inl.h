// What becomes of the sums that attention's tiles make (attention_tile-inl.h): scores, weights and
// the mix of values, each where it is still in registers. attention_heads-inl.h says what for.
//
// `Numbers` are what is multiplied: float32 or bfloat16.
#include "hwy/highway.h"
#include "kernels/cpu/attention_tile-inl.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector_math-inl.h"

#if defined(BGE_KERNELS_CPU_ATTENTION_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_ATTENTION_SUMS_INL_H_
#undef BGE_KERNELS_CPU_ATTENTION_SUMS_INL_H_
#else
#define BGE_KERNELS_CPU_ATTENTION_SUMS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// What becomes of q . k: a score is q . k times the scale, plus the shift and what the distance of
// the key adds. Where neither scale nor distances matter sums begin with the shift; large numbers
// that distances add come last, when no more sums are rounded to their size.
template <bool kScaled>
struct PlainScores;
template <>
struct PlainScores<false> {
  HWY_INLINE PlainScores At(int64_t, int64_t) const { return {}; }
  template <class D>
  HWY_INLINE hn::Vec<D> Begin(D d, float shift) const {
    return hn::Set(d, shift);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Finish(D, int64_t, int64_t, hn::Vec<D> sum, float) const {
    return sum;
  }
};
template <>
struct PlainScores<true> {
  HWY_INLINE PlainScores At(int64_t, int64_t) const { return *this; }
  template <class D>
  HWY_INLINE hn::Vec<D> Begin(D d, float) const {
    return hn::Zero(d);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Finish(D d, int64_t, int64_t, hn::Vec<D> sum, float shift) const {
    return hn::MulAdd(sum, hn::Set(d, scale), hn::Set(d, shift));
  }
  float scale = 1.0f;
};
template <bool kScaled>
struct BiasedScores {
  // From another row and key on.
  HWY_INLINE BiasedScores At(int64_t row, int64_t key) const { return {scale, line + key - row}; }
  template <class D>
  HWY_INLINE hn::Vec<D> Begin(D d, float) const {
    return hn::Zero(d);
  }
  // Of vector v of a row.
  template <class D>
  HWY_INLINE hn::Vec<D> Finish(D d, int64_t row, int64_t v, hn::Vec<D> sum, float shift) const {
    const float* const from = line + v * static_cast<int64_t>(hn::Lanes(d)) - row;
    const auto more = hn::Add(hn::LoadU(d, from), hn::Set(d, shift));
    return kScaled ? hn::MulAdd(sum, hn::Set(d, scale), more) : hn::Add(sum, more);
  }
  float scale = 1.0f;
  const float* line =
      nullptr;  // of row 0 and key 0; one further for each key, one back for each row
};

template <class Scores>
struct StoreScores {
  template <class D>
  HWY_INLINE hn::Vec<D> Begin(D d, int64_t) const {
    return scores_of.Begin(d, 0.0f);
  }
  template <class D, int kVectors>
  HWY_INLINE void Take(D d, int64_t row, const RowOfTile<D, kVectors>& sums) const {
    float* to = scores + row * stride;
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(scores_of.Finish(d, row, v, sums[v], 0.0f), d, to + v * hn::Lanes(d));
    }
  }
  float* scores;
  int64_t stride;
  Scores scores_of;
};

// Makes sums the words of the weights 2^(score - max), and adds those to `totals`.
template <class Numbers, class Scores>
struct StoreWeights {
  template <class D>
  HWY_INLINE hn::Vec<D> Begin(D d, int64_t row) const {
    return scores_of.Begin(d, origins[row]);
  }
  template <class D, int kVectors>
  HWY_INLINE void Take(D d, int64_t row, const RowOfTile<D, kVectors>& sums) const {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    RowOfTile<D, kVectors> x;
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) x[v] = scores_of.Finish(d, row, v, sums[v], origins[row]);
    const auto total = Numbers::template Weigh<false, kVectors>(hn::Load(d, totals + row * lanes),
                                                                x, columns, weights + row * stride);
    hn::Store(total, d, totals + row * lanes);
  }
  float* weights;  // of this panel
  int64_t stride;
  int64_t columns;       // of this panel, up to the last key
  const float* origins;  // [rows]
  float* totals;         // [rows][lanes]
  Scores scores_of;
};

// The same for the first panel of keys: what is subtracted is the first of its scores, which
// becomes `max`. In this order its own weight is 1, however large the scores are.
template <class Numbers, class Scores>
struct StoreFirstWeights {
  template <class D>
  HWY_INLINE hn::Vec<D> Begin(D d, int64_t) const {
    return scores_of.Begin(d, 0.0f);
  }
  template <class D, int kVectors>
  HWY_INLINE void Take(D d, int64_t row, const RowOfTile<D, kVectors>& sums) const {
    RowOfTile<D, kVectors> x;
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) x[v] = scores_of.Finish(d, row, v, sums[v], 0.0f);
    max[row] = hn::GetLane(x[0]);
    const auto reference = hn::Set(d, max[row]);
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      x[v] = hn::Add(hn::Sub(x[v], reference), hn::Set(d, Numbers::kOne));
    }
    const auto total =
        Numbers::template Weigh<false, kVectors>(hn::Zero(d), x, columns, weights + row * stride);
    hn::Store(total, d, totals + row * hn::Lanes(d));
  }
  float* weights;  // of the first panel
  int64_t stride;
  int64_t columns;  // of it, up to the last key
  float* max;       // [rows]
  float* totals;    // [rows][lanes]
  Scores scores_of;
};

// out = out * keep + sum; the last block divides by the sum of weights and adds the bias, and goes
// to `rounded` as bfloat16 where that is not null.
template <class Numbers>
struct StoreMix {
  template <class D>
  HWY_INLINE hn::Vec<D> Begin(D d, int64_t) const {
    return hn::Zero(d);
  }
  template <class D, int kVectors>
  HWY_INLINE void Take(D d, int64_t row, const RowOfTile<D, kVectors>& sums) const {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) Store(d, row, v * lanes, sums[v]);
  }
  template <class D>
  HWY_INLINE void Store(D d, int64_t row, int64_t column, hn::Vec<D> sum) const {
    const int64_t left = columns - column;
    if (left <= 0) return;
    const auto n = static_cast<size_t>(left);
    const bool whole = n >= hn::Lanes(d);
    float* const to = out == nullptr ? nullptr : out + row * stride + column;
    if (keep != nullptr) {
      const auto old = whole ? hn::LoadU(d, to) : LoadFirst(d, to, n);
      sum = hn::MulAdd(old, hn::Set(d, keep[row]), sum);
    }
    if (inverse != nullptr) {
      sum = hn::Mul(sum, hn::Set(d, inverse[row]));
      if (bias != nullptr) {
        const float* b = bias + column;
        sum = hn::Add(sum, whole ? hn::LoadU(d, b) : LoadFirst(d, b, n));
      }
      if constexpr (Numbers::kGroup == 2) {
        if (rounded != nullptr) {
          return Numbers::StoreRounded(sum, rounded + row * rounded_stride + column, n);
        }
      }
    }
    if (whole) {
      hn::StoreU(sum, d, to);
    } else {
      StoreFirst(d, sum, to, n);
    }
  }
  // Column `by` of these rows, and row `by_rows`, become the first.
  HWY_INLINE StoreMix At(int64_t by_rows, int64_t by) const {
    StoreMix other = *this;
    if (out != nullptr) other.out += by_rows * stride + by;
    if (rounded != nullptr) other.rounded += by_rows * rounded_stride + by;
    other.columns -= by;
    if (keep != nullptr) other.keep += by_rows;
    if (inverse != nullptr) other.inverse += by_rows;
    if (bias != nullptr) other.bias += by;
    return other;
  }

  float* out;  // null where nothing but `rounded` is written
  int64_t stride;
  uint16_t* rounded;
  int64_t rounded_stride;
  int64_t columns;       // of this panel, up to head_dim
  const float* keep;     // [rows], or null in the first block
  const float* inverse;  // [rows], or null before the last block
  const float* bias;     // of the panel's columns, or null
};

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_ATTENTION_SUMS_INL_H_
