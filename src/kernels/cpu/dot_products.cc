// y = x * W^T where W's rows lie as they are stored ([N, K], K contiguous): dot products of rows.
//
// Serves DotProducts (queries against an index) and linear layers with few rows of x. Nothing is
// packed: a tile of 3 rows of x and 4 of W keeps 12 vectors of sums in registers and loads 7
// vectors for 12 multiply-adds. W streams through once; x stays in the cache. At the end the four
// sums of a row of x are folded into one 128-bit vector.
//
// Every score is one chain of multiply-adds over k, lane by lane, folded in a fixed order: it is
// the same, bit by bit, whatever the number of rows or queries and wherever in the matrix the row
// lies.
#include "kernels/cpu/dot_products.h"

#include "kernels/cpu/ops.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/dot_products.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

constexpr int kDotRows = 3;                // of x
constexpr int kDotColumns = 4;             // rows of W
constexpr int64_t kPanelBytes = 24 << 10;  // three quarters of the smallest first-level cache

// Adds up the 128-bit blocks of a vector: halves it until one is left.
template <class D>
HWY_INLINE auto SumOfBlocks([[maybe_unused]] D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return v;
  } else {
    const hn::Half<D> dh;
    return SumOfBlocks(dh, hn::Add(hn::LowerHalf(dh, v), hn::UpperHalf(dh, v)));
  }
}

// to[i] = sum of the lanes of s_i.
template <class D>
HWY_INLINE void StoreFourSums(D d, hn::Vec<D> s0, hn::Vec<D> s1, hn::Vec<D> s2, hn::Vec<D> s3,
                              float* to) {
  const hn::Repartition<double, D> d64;
  const auto s01 = hn::Add(hn::InterleaveLower(d, s0, s1), hn::InterleaveUpper(d, s0, s1));
  const auto s23 = hn::Add(hn::InterleaveLower(d, s2, s3), hn::InterleaveUpper(d, s2, s3));
  const auto a = hn::BitCast(d64, s01);
  const auto b = hn::BitCast(d64, s23);
  const auto sums = hn::Add(hn::BitCast(d, hn::InterleaveLower(d64, a, b)),
                            hn::BitCast(d, hn::InterleaveUpper(d64, a, b)));
  const hn::CappedTag<float, 4> d4;
  hn::StoreU(SumOfBlocks(d, sums), d4, to);
}

// to[r][c] = x_r . w_c; w holds kDotColumns rows, which need not be different.
template <int kRows, class D>
HWY_INLINE void DotTile(D d, const float* const* x, const float* const* w, int64_t depth,
                        float (*to)[kDotColumns]) {
  using V = hn::Vec<D>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V sums[kRows][kDotColumns];
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    BGE_UNROLL
    for (int c = 0; c < kDotColumns; ++c) sums[r][c] = hn::Zero(d);
  }
  const float* w0 = w[0];
  const float* w1 = w[1];
  const float* w2 = w[2];
  const float* w3 = w[3];
  const auto step = [&](const auto& load, int64_t k) HWY_ATTR {
    const V c0 = load(w0 + k);
    const V c1 = load(w1 + k);
    const V c2 = load(w2 + k);
    const V c3 = load(w3 + k);
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const V v = load(x[r] + k);
      sums[r][0] = hn::MulAdd(v, c0, sums[r][0]);
      sums[r][1] = hn::MulAdd(v, c1, sums[r][1]);
      sums[r][2] = hn::MulAdd(v, c2, sums[r][2]);
      sums[r][3] = hn::MulAdd(v, c3, sums[r][3]);
    }
  };
  int64_t k = 0;
  for (; k + lanes <= depth; k += lanes) {
    step([&](const float* p) HWY_ATTR { return hn::LoadU(d, p); }, k);
  }
  if (k < depth) {
    const auto rest = static_cast<size_t>(depth - k);
    step([&](const float* p) HWY_ATTR { return LoadFirst(d, p, rest); }, k);
  }
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    StoreFourSums(d, sums[r][0], sums[r][1], sums[r][2], sums[r][3], to[r]);
  }
}

// A few rows of x, which stay in the first-level cache while W passes, or all.
void DotPanel(ConstMatrix x, ConstMatrix w, Matrix y) {
  const hn::ScalableTag<float> d;
  for (int64_t n = 0; n < w.rows; n += kDotColumns) {
    const int64_t columns = std::min<int64_t>(kDotColumns, w.rows - n);
    const float* ws[kDotColumns];
    for (int64_t c = 0; c < kDotColumns; ++c) ws[c] = w.row(n + std::min(c, columns - 1));
    // Groups of rows as equal as can be: 4 are 2 + 2, as 3 + 1 would take longer.
    const int64_t groups = (x.rows + kDotRows - 1) / kDotRows;
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t m = g * x.rows / groups;
      const int64_t rows = (g + 1) * x.rows / groups - m;
      const float* xs[kDotRows];
      for (int64_t r = 0; r < kDotRows; ++r) xs[r] = x.row(m + std::min(r, rows - 1));
      float tile[kDotRows][kDotColumns];
      switch (rows) {
        case 1:
          DotTile<1>(d, xs, ws, x.cols, tile);
          break;
        case 2:
          DotTile<2>(d, xs, ws, x.cols, tile);
          break;
        default:
          DotTile<3>(d, xs, ws, x.cols, tile);
      }
      for (int64_t r = 0; r < rows; ++r) {
        std::memcpy(y.row(m + r) + n, tile[r], static_cast<size_t>(columns) * sizeof(float));
      }
    }
  }
}

// Rows of x that are in the first-level cache beside four of W; all where that would be few.
int64_t PanelRows(int64_t rows, int64_t depth) {
  const int64_t fit = kPanelBytes / (depth * static_cast<int64_t>(sizeof(float)) + 1) - kDotColumns;
  return fit < 2 * kDotRows ? rows : std::min(rows, fit - fit % kDotRows);
}

void DotRows(ConstMatrix x, ConstMatrix w, Matrix y) {
  const int64_t panel = PanelRows(x.rows, x.cols);
  for (int64_t m = 0; m < x.rows; m += panel) {
    const int64_t rows = std::min(panel, x.rows - m);
    DotPanel(x.Rows(m, rows), w, {y.row(m), rows, y.cols, y.stride});
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(DotRows);

void MultiplyRows(ConstMatrix x, ConstMatrix w, Matrix y) {
  HWY_DYNAMIC_DISPATCH(DotRows)(x, w, y);
}

void DotProducts(const OpContext& context, ConstMatrix queries, ConstMatrix rows, Matrix scores) {
  BGE_DCHECK(queries.cols == rows.cols);
  BGE_DCHECK(scores.rows == queries.rows && scores.cols == rows.rows);
  if (queries.rows == 0 || rows.rows == 0) return;
  // Blocks of rows that stay in the second-level cache while queries pass over them.
  const int64_t block = std::clamp<int64_t>(32768 / (rows.cols + 1), 16, 4096);
  context.pool.ParallelFor(rows.rows, block, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r += block) {
      const int64_t n = std::min(block, end - r);
      MultiplyRows(queries, rows.Rows(r, n), {scores.data + r, scores.rows, n, scores.stride});
    }
  });
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
