// The tile of sums that all GEMM kernels share, compiled once per instruction set and element type.
#include "hwy/highway.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/unroll.h"

#if defined(BGE_KERNELS_CPU_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_GEMM_TILE_INL_H_
#undef BGE_KERNELS_CPU_GEMM_TILE_INL_H_
#else
#define BGE_KERNELS_CPU_GEMM_TILE_INL_H_
#endif

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Vectors in the width of a panel: what leaves room in the registers beside kTileRows rows of sums.
// 32 registers (AVX-512, NEON): 6 x 4 sums, 4 of W and one of x; 16: 6 x 2, 2 and one.
constexpr int64_t kLineBytes = 64;
constexpr int kPanelVectors = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 4 : 2;

// What a tile fetches from memory while it multiplies: `lines` cache lines for each group.
struct Fetch {
  const std::byte* next = nullptr;
  int64_t lines = 0;

  // Those of one group.
  HWY_INLINE void Lines() {
    for (int64_t line = 0; line < lines; ++line, next += kLineBytes) __builtin_prefetch(next, 0, 2);
  }
};

// sums[r][v] = sum over groups of x_r and w_v.
// Type: Sum, a vector; Group, a vector of groups; Broadcast(p), Load(p), MultiplyAdd(sum, x, w).
template <class Type, int kRows>
HWY_INLINE void SumTile(const std::byte* x, int64_t x_stride, const std::byte* panel,
                        int64_t groups, Fetch fetch,
                        typename Type::Sum (&sums)[kRows][kPanelVectors]) {
  constexpr int64_t kVectorBytes = Type::kLanes * kGroupBytes;
  for (int64_t g = 0; g < groups; ++g) {
    typename Type::Group w[kPanelVectors];
    BGE_UNROLL
    for (int v = 0; v < kPanelVectors; ++v) w[v] = Type::Load(panel + v * kVectorBytes);
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const typename Type::Group v = Type::Broadcast(x + r * x_stride);
      BGE_UNROLL
      for (int c = 0; c < kPanelVectors; ++c) {
        sums[r][c] = Type::MultiplyAdd(sums[r][c], v, w[c]);
      }
    }
    x += kGroupBytes;
    panel += kPanelVectors * kVectorBytes;
    fetch.Lines();
  }
}

// Calls Type::template Tile<n>(row, fetch, product) for groups of rows that cover the product's, as
// equal as can be: 8 rows are 4 + 4, as 6 + 2 would take longer. Each fetches its part of the next
// panel: with two tiles, all of it in the first would leave the memory idle in the second.
template <class Type>
HWY_INLINE void ForEachTile(const PanelProduct& product) {
  const int64_t tiles = (product.rows + kTileRows - 1) / kTileRows;
  constexpr int64_t kPanelLines = kPanelVectors * Type::kLanes * kGroupBytes / kLineBytes;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t row = t * product.rows / tiles;
    Fetch fetch;
    if (product.fetch_next) {
      fetch.lines = (kPanelLines + tiles - 1) / tiles;
      fetch.next = product.panel + product.groups * kLineBytes * (kPanelLines + t * fetch.lines);
    }
    switch ((t + 1) * product.rows / tiles - row) {
      case 1:
        Type::template Tile<1>(row, fetch, product);
        break;
      case 2:
        Type::template Tile<2>(row, fetch, product);
        break;
      case 3:
        Type::template Tile<3>(row, fetch, product);
        break;
      case 4:
        Type::template Tile<4>(row, fetch, product);
        break;
      case 5:
        Type::template Tile<5>(row, fetch, product);
        break;
      default:
        Type::template Tile<6>(row, fetch, product);
    }
  }
}

// Stores (or adds) a tile of floats, cut at the product's columns.
template <int kRows, class D>
HWY_INLINE void StoreTile(D d, const hn::Vec<D> (&values)[kRows][kPanelVectors],
                          const PanelProduct& product, int64_t row) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  float* y = product.y + row * product.y_stride;
  if (product.columns == kPanelVectors * lanes) {
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      BGE_UNROLL
      for (int v = 0; v < kPanelVectors; ++v) {
        float* to = y + r * product.y_stride + v * lanes;
        hn::StoreU(product.accumulate ? hn::Add(hn::LoadU(d, to), values[r][v]) : values[r][v], d,
                   to);
      }
    }
    return;
  }
  HWY_ALIGN float whole[kMaxPanelColumns] = {};
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    BGE_UNROLL
    for (int v = 0; v < kPanelVectors; ++v) hn::Store(values[r][v], d, whole + v * lanes);
    float* to = y + r * product.y_stride;
    for (int64_t c = 0; c < product.columns; ++c) {
      to[c] = product.accumulate ? to[c] + whole[c] : whole[c];
    }
  }
}

// The tile of a type whose sums are floats.
template <class Type, int kRows, class D>
HWY_INLINE void FloatTile(D d, int64_t row, Fetch fetch, const PanelProduct& product) {
  hn::Vec<D> sums[kRows][kPanelVectors];
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    BGE_UNROLL
    for (int v = 0; v < kPanelVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  SumTile<Type, kRows>(product.x + row * product.x_stride, product.x_stride, product.panel,
                       product.groups, fetch, sums);
  StoreTile<kRows>(d, sums, product, row);
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_GEMM_TILE_INL_H_
