// The products of attention: a tile of sums in registers, for a number type that says how it
// multiplies. attention_heads-inl.h has what the sums are for.
#include "hwy/highway.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector_math-inl.h"

#if defined(BGE_KERNELS_CPU_ATTENTION_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_ATTENTION_TILE_INL_H_
#undef BGE_KERNELS_CPU_ATTENTION_TILE_INL_H_
#else
#define BGE_KERNELS_CPU_ATTENTION_TILE_INL_H_
#endif

#include <algorithm>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// AVX-512 has twice the registers.
constexpr int64_t kAttentionRows = HWY_TARGET == HWY_AVX3 ? 12 : 6;

// The vectors of a row of a tile.
template <class D, int kVectors>
using RowOfTile = hn::Vec<D>[kVectors];

// A number type has: kGroup, numbers in a word; kMixKeys, the most keys whose values are mixed by
// one chain of multiply-adds (in float32 512 in one chain have twice the error); Words, a vector of
// them; Load(p), Broadcast(p) and MultiplyAdd(sum, x, w). Weights are 2^(score - max), with scores
// in 1 / kScoreUnit: score - max + kOne is what Weigh(total, x, count, to) takes, which writes the
// weights of the first `count` of x's numbers as words, zeros behind them, and returns total +
// weights, by lanes. They are off by no more than the numbers, or in bfloat16 by 1.7 times as much:
// those under 2^-126 are as small or (always if kMasked) zero, those over 2^126 that large,
// infinity or NaN.
struct Float32Numbers {
  static constexpr int64_t kGroup = 1;
  static constexpr int64_t kMixKeys = 128;
  static constexpr float kScoreUnit = 1.0f;
  using D = hn::ScalableTag<float>;
  using Words = hn::Vec<D>;
  static HWY_INLINE Words Load(const float* p) { return hn::Load(D(), p); }
  static HWY_INLINE Words Broadcast(const float* p) { return hn::Set(D(), *p); }
  static HWY_INLINE Words MultiplyAdd(Words sum, Words x, Words w) { return hn::MulAdd(x, w, sum); }
  static constexpr float kOne = 0.0f;
  template <bool kMasked, int kVectors>
  static HWY_INLINE Words Weigh(Words total, const RowOfTile<D, kVectors>& x, int64_t count,
                                float* to) {
    const D d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      auto weight = SaturatedExp2(d, x[v]);
      // Not 2^-126, with which every product would be subnormal, and slow. (NaN stays.)
      if constexpr (kMasked) {
        weight = hn::IfThenZeroElse(hn::Le(x[v], hn::Set(d, -126.0f)), weight);
      }
      const int64_t left = count - v * lanes;
      if (left < lanes) {
        weight = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(std::max<int64_t>(left, 0))),
                                    weight);
      }
      total = hn::Add(total, weight);
      hn::Store(weight, d, to + v * lanes);
    }
    return total;
  }
};

// sums[r][c] = begin(r) + sum over k < depth of a[r * a_stride + k] * panel[k * W + c]: `use` has
// Begin(d, r), a vector for all of a row, and Take(d, r, RowOfTile) for the sums; depth and strides
// count words.
template <class Numbers, int kRows, int kVectors, class D, class Use>
HWY_INLINE void Tile(D d, const float* HWY_RESTRICT a, int64_t a_stride,
                     const float* HWY_RESTRICT panel, int64_t depth, const Use& use) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  RowOfTile<D, kVectors> sums[kRows];
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[r][v] = use.Begin(d, r);
  }
  for (int64_t k = 0; k < depth; ++k) {
    typename Numbers::Words b[kVectors];
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) b[v] = Numbers::Load(panel + v * lanes);
    panel += kVectors * lanes;
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const auto x = Numbers::Broadcast(a + r * a_stride + k);
      BGE_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Numbers::MultiplyAdd(sums[r][v], x, b[v]);
    }
  }
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) use.Take(d, r, sums[r]);
}

// The same with the number of rows known at run time only.
template <class Numbers, int kVectors, class D, class Use>
HWY_INLINE void TileOfRows(D d, int64_t rows, const float* a, int64_t a_stride, const float* panel,
                           int64_t depth, const Use& use) {
  if constexpr (kAttentionRows == 12) {
    if (rows == 12) return Tile<Numbers, 12, kVectors>(d, a, a_stride, panel, depth, use);
  }
  switch (rows) {
    case 1:
      return Tile<Numbers, 1, kVectors>(d, a, a_stride, panel, depth, use);
    case 2:
      return Tile<Numbers, 2, kVectors>(d, a, a_stride, panel, depth, use);
    case 3:
      return Tile<Numbers, 3, kVectors>(d, a, a_stride, panel, depth, use);
    case 4:
      return Tile<Numbers, 4, kVectors>(d, a, a_stride, panel, depth, use);
    case 5:
      return Tile<Numbers, 5, kVectors>(d, a, a_stride, panel, depth, use);
    default:
      return Tile<Numbers, 6, kVectors>(d, a, a_stride, panel, depth, use);
  }
}

// Calls f(row, n) for groups of rows that cover `rows`: of kAttentionRows, and what is left, less
// than twelve, in groups of six at most, as equal as can be: 8 rows are 4 + 4, not 6 + 2.
template <class F>
HWY_INLINE void ForEachGroup(int64_t rows, const F& f) {
  int64_t row = 0;
  for (; rows - row >= 12; row += kAttentionRows) f(row, kAttentionRows);
  const int64_t rest = rows - row;
  const int64_t groups = (rest + 5) / 6;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t begin = g * rest / groups;
    f(row + begin, (g + 1) * rest / groups - begin);
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_ATTENTION_TILE_INL_H_
