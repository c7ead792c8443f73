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

#include "base/error.h"

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A tile of sums is what fits the registers. 16 of them: 6 rows x a panel of 2 vectors, 2 of W and
// one of x. 32 (AVX-512, NEON): 12 x 2, for few rows, and 6 x 4, two panels, which loads less for
// each multiplication, for many. Few rows, such as a query's, multiply a W that comes from memory:
// with one tile for all of them it goes on coming while they are multiplied, with two it pauses in
// the second.
constexpr int64_t kLineBytes = 64;
constexpr int64_t kFetchAhead = 4096;  // bytes
constexpr int kPanelVectors = 2;
constexpr bool kManyRegisters = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON;
constexpr int kPanelsAtOnce = kManyRegisters ? 2 : 1;

// What a tile fetches from memory while it multiplies: [next, end), `times` for each group of k.
struct Fetch {
  const std::byte* next = nullptr;
  const std::byte* end = nullptr;
  int64_t times = 0;
  int64_t step = 0;

  HWY_INLINE void OfOneGroup() {
    for (int64_t i = 0; i < times; ++i) {
      __builtin_prefetch(next, 0, 2);
      next = std::min(next + step, end);
    }
  }
};

// sums[r][v] += x_r w_v over groups [begin, end), rows of the product from `row` on.
// Type: Sum, a vector; Group, a vector of groups; Broadcast(p), Load(p), MultiplyAdd(sum, x, w).
template <class Type, int kRows, int kVectors>
HWY_INLINE void SumTile(int64_t row, int64_t begin, int64_t end, Fetch& fetch,
                        const PanelProduct& product, typename Type::Sum (&sums)[kRows][kVectors]) {
  constexpr int64_t kVectorBytes = Type::kLanes * kGroupBytes;
  const int64_t x_stride = product.x_stride;
  const int64_t panel_stride = product.panel_stride;
  // One pointer for four rows: of twelve, addresses would take more registers than there are. The
  // compiler must not know how they are related, or it makes twelve of them again.
  constexpr int kRowsOfPointer = 4;
  const std::byte* x[(kRows + kRowsOfPointer - 1) / kRowsOfPointer];
  BGE_UNROLL
  for (int r = 0; r < kRows; r += kRowsOfPointer) {
    x[r / kRowsOfPointer] = product.x + (row + r) * x_stride + begin * kGroupBytes;
    asm("" : "+r"(x[r / kRowsOfPointer]));
  }
  const std::byte* panel = product.panel + begin * kPanelVectors * kVectorBytes;
  for (int64_t g = begin; g < end; ++g) {
    typename Type::Group w[kVectors];
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      w[v] =
          Type::Load(panel + v / kPanelVectors * panel_stride + v % kPanelVectors * kVectorBytes);
    }
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const typename Type::Group v =
          Type::Broadcast(x[r / kRowsOfPointer] + r % kRowsOfPointer * x_stride);
      BGE_UNROLL
      for (int c = 0; c < kVectors; ++c) sums[r][c] = Type::MultiplyAdd(sums[r][c], v, w[c]);
    }
    BGE_UNROLL
    for (int r = 0; r < kRows; r += kRowsOfPointer) x[r / kRowsOfPointer] += kGroupBytes;
    panel += kPanelVectors * kVectorBytes;
    fetch.OfOneGroup();
  }
}

// Type::template Tile<rows, kVectors>(row, fetch, product), rows at most kRows.
template <class Type, int kRows, int kVectors>
HWY_INLINE void RunTile(int64_t rows, int64_t row, Fetch fetch, const PanelProduct& product) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return RunTile<Type, kRows - 1, kVectors>(rows, row, fetch, product);
  }
  Type::template Tile<kRows, kVectors>(row, fetch, product);
}

// Tiles that cover the product's rows, as equal as can be: 8 rows are 4 + 4, as 6 + 2 would take
// longer. They fetch what comes next in W: one tile what lies a little ahead, of several each its
// part of the next panel (all of it in the first would leave the memory idle in the others).
template <class Type, int kTileRows, int kVectors>
HWY_INLINE void RunTiles(const PanelProduct& product) {
  const int64_t tiles = (product.rows + kTileRows - 1) / kTileRows;
  constexpr int64_t kGroup = kPanelVectors * Type::kLanes * kGroupBytes;  // bytes of a panel
  const int64_t panel_bytes = product.groups * kGroup;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t row = t * product.rows / tiles;
    Fetch fetch;
    if (product.fetch_next) {
      const int64_t begin = tiles == 1 ? kFetchAhead : panel_bytes + t * panel_bytes / tiles;
      const int64_t lines = (kGroup + kLineBytes - 1) / kLineBytes;
      fetch.next = product.panel + begin;
      fetch.end = fetch.next + panel_bytes / tiles;
      fetch.times = (lines + tiles - 1) / tiles;
      fetch.step = std::min(kGroup, kLineBytes);
    }
    RunTile<Type, kTileRows, kVectors>((t + 1) * product.rows / tiles - row, row, fetch, product);
  }
}

template <class Type>
HWY_INLINE void ForEachTile(const PanelProduct& product) {
  BGE_DCHECK(product.panels <= kPanelsAtOnce);
  if constexpr (kManyRegisters) {
    if (product.panels == 2) return RunTiles<Type, 6, 2 * kPanelVectors>(product);
  }
  RunTiles<Type, kManyRegisters ? 12 : 6, kPanelVectors>(product);
}

// values += a tile of y, and anything behind the product's columns.
template <int kRows, int kVectors, class D>
HWY_INLINE void AddTile(D d, const PanelProduct& product, int64_t row,
                        hn::Vec<D> (&values)[kRows][kVectors]) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const bool all = product.columns == kVectors * lanes;
  HWY_ALIGN float whole[kMaxColumns] = {};
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const float* from = product.y + (row + r) * product.y_stride;
    if (!all) {
      std::memcpy(whole, from, static_cast<size_t>(product.columns) * sizeof(float));
      from = whole;
    }
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      values[r][v] = hn::Add(hn::LoadU(d, from + v * lanes), values[r][v]);
    }
  }
}

// Stores a tile of y, cut at the product's columns.
template <int kRows, int kVectors, class D>
HWY_INLINE void StoreTile(D d, const hn::Vec<D> (&values)[kRows][kVectors],
                          const PanelProduct& product, int64_t row) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  float* y = product.y + row * product.y_stride;
  if (product.columns == kVectors * lanes) {
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      BGE_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        hn::StoreU(values[r][v], d, y + r * product.y_stride + v * lanes);
      }
    }
    return;
  }
  HWY_ALIGN float whole[kMaxColumns] = {};
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) hn::Store(values[r][v], d, whole + v * lanes);
    std::memcpy(y + r * product.y_stride, whole,
                static_cast<size_t>(product.columns) * sizeof(float));
  }
}

// The tile of a type whose sums are floats: a sum of parts of kSumGroups, each one chain of
// multiply-adds from zero, added one by one to what y has. (One chain has twice the error at k =
// 4096.)
template <class Type, int kRows, int kVectors, class D>
HWY_INLINE void FloatTile(D d, int64_t row, Fetch fetch, const PanelProduct& product) {
  HWY_ALIGN float so_far[kRows][kVectors][hn::MaxLanes(d)];
  int64_t begin = 0;
  while (true) {
    hn::Vec<D> sums[kRows][kVectors];
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      BGE_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
    }
    const int64_t end = std::min(begin + kSumGroups, product.groups);
    SumTile<Type>(row, begin, end, fetch, product, sums);
    if (begin > 0) {
      BGE_UNROLL
      for (int r = 0; r < kRows; ++r) {
        BGE_UNROLL
        for (int v = 0; v < kVectors; ++v) {
          sums[r][v] = hn::Add(hn::Load(d, so_far[r][v]), sums[r][v]);
        }
      }
    } else if (product.accumulate) {
      AddTile(d, product, row, sums);
    }
    if (end == product.groups) return StoreTile(d, sums, product, row);
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      BGE_UNROLL
      for (int v = 0; v < kVectors; ++v) hn::Store(sums[r][v], d, so_far[r][v]);
    }
    begin = end;
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_GEMM_TILE_INL_H_
