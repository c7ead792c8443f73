// The GEMM kernels' sums on Intel's AMX (Sapphire Rapids and later): tile registers of 16 rows of
// 64 bytes, and one instruction that multiplies two of them. Panels (gemm.h) are as the instruction
// wants its second operand: 16 groups of k, each of 16 columns of 4 bytes.
//
// Up to 32 rows of x and a panel of 32 columns are two tiles each, and four tiles of sums: for each
// multiplication, which takes 16 cycles, one tile is loaded, which takes 8.
//
// Instructions in assembly, so that the file needs no other flags than Highway's; and emulated, as
// Intel's manual defines them, so that all around them can be tested on any AVX-512 CPU.
#include "hwy/highway.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_tile-inl.h"

#if defined(BGE_KERNELS_CPU_GEMM_AMX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_GEMM_AMX_INL_H_
#undef BGE_KERNELS_CPU_GEMM_AMX_INL_H_
#else
#define BGE_KERNELS_CPU_GEMM_AMX_INL_H_
#endif

#include "base/numeric.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

constexpr int64_t kAmxRows = 16;   // of a tile
constexpr int64_t kAmxBytes = 64;  // of a tile's row
constexpr int64_t kAmxGroups = kAmxBytes / kGroupBytes;
constexpr int64_t kAmxBlockRows = 2 * kAmxRows;
constexpr int64_t kAmxBlockColumns = 2 * kAmxGroups;
static_assert(kAmxBlockColumns == kMaxPanelColumns);

// The names of the tile registers: sums [of x's tile][of W's tile], then x, then W.
constexpr int AmxSum(int x, int w) { return 2 * x + w; }
constexpr int AmxX(int i) { return 4 + i; }
constexpr int AmxW(int i) { return 6 + i; }

// The shapes of the tile registers, as ldtilecfg reads them.
struct alignas(64) AmxShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  // For this many rows of x, 1 to 32. A tile of no rows is not there.
  explicit AmxShapes(int64_t x_rows) {
    const auto set = [this](int tile, int64_t n) {
      rows[tile] = static_cast<uint8_t>(n);
      row_bytes[tile] = n == 0 ? 0 : kAmxBytes;
    };
    for (int i = 0; i < 2; ++i) {
      const int64_t n = std::clamp<int64_t>(x_rows - i * kAmxRows, 0, kAmxRows);
      set(AmxSum(i, 0), n);
      set(AmxSum(i, 1), n);
      set(AmxX(i), n);
      set(AmxW(i), kAmxRows);
    }
  }
};
static_assert(sizeof(AmxShapes) == 64);

// The registers of the calling thread, which must not be used elsewhere meanwhile. They are given
// back at the end: a CPU whose tiles are in use can't sleep deeply.
class AmxTiles {
 public:
  AmxTiles() = default;
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
  ~AmxTiles() { asm volatile("tilerelease" ::: "memory"); }

  // Clears all tiles.
  HWY_INLINE void Shape(const AmxShapes& shapes) {
    asm volatile("ldtilecfg %0" ::"m"(shapes) : "memory");
  }
  template <int kTile>
  HWY_INLINE void Zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  template <int kTile>
  HWY_INLINE void Load(const void* from, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  HWY_INLINE void Store(void* to, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kSum, int kX, int kW>
  HWY_INLINE void MultiplyBf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kX), "i"(kW));
  }
  template <int kSum, int kX, int kW>
  HWY_INLINE void MultiplyInt8() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kX), "i"(kW));
  }
};

// The same in memory. What the CPU would not do, it checks.
class EmulatedAmxTiles {
 public:
  void Shape(const AmxShapes& shapes) {
    shapes_ = shapes;
    std::memset(tiles_, 0, sizeof tiles_);
  }
  template <int kTile>
  void Zero() {
    std::memset(tiles_[kTile], 0, sizeof tiles_[kTile]);
  }
  template <int kTile>
  void Load(const void* from, int64_t stride) {
    BGE_CHECK(shapes_.rows[kTile] > 0);
    Zero<kTile>();
    for (int64_t r = 0; r < shapes_.rows[kTile]; ++r) {
      std::memcpy(tiles_[kTile][r], static_cast<const std::byte*>(from) + r * stride, kAmxBytes);
    }
  }
  template <int kTile>
  void Store(void* to, int64_t stride) const {
    BGE_CHECK(shapes_.rows[kTile] > 0);
    for (int64_t r = 0; r < shapes_.rows[kTile]; ++r) {
      std::memcpy(static_cast<std::byte*>(to) + r * stride, tiles_[kTile][r], kAmxBytes);
    }
  }
  // Sums of the even and of the odd k, both then added to what was there.
  template <int kSum, int kX, int kW>
  void MultiplyBf16() {
    CheckShapes<kSum, kX, kW>();
    for (int64_t r = 0; r < shapes_.rows[kSum]; ++r) {
      const auto* x = reinterpret_cast<const uint16_t*>(tiles_[kX][r]);
      auto* sums = reinterpret_cast<float*>(tiles_[kSum][r]);
      for (int64_t c = 0; c < kAmxGroups; ++c) {
        float even = 0.0f;
        float odd = 0.0f;
        for (int64_t g = 0; g < kAmxGroups; ++g) {
          const auto* w = reinterpret_cast<const uint16_t*>(tiles_[kW][g]) + 2 * c;
          even = std::fma(Bf16ToFloat(x[2 * g]), Bf16ToFloat(w[0]), even);
          odd = std::fma(Bf16ToFloat(x[2 * g + 1]), Bf16ToFloat(w[1]), odd);
        }
        sums[c] += even + odd;
      }
    }
  }
  template <int kSum, int kX, int kW>
  void MultiplyInt8() {
    CheckShapes<kSum, kX, kW>();
    for (int64_t r = 0; r < shapes_.rows[kSum]; ++r) {
      const auto* x = reinterpret_cast<const uint8_t*>(tiles_[kX][r]);
      auto* sums = reinterpret_cast<int32_t*>(tiles_[kSum][r]);
      for (int64_t c = 0; c < kAmxGroups; ++c) {
        for (int64_t g = 0; g < kAmxGroups; ++g) {
          const auto* w = reinterpret_cast<const int8_t*>(tiles_[kW][g]) + 4 * c;
          for (int64_t i = 0; i < 4; ++i) sums[c] += x[4 * g + i] * w[i];
        }
      }
    }
  }

 private:
  template <int kSum, int kX, int kW>
  void CheckShapes() const {
    BGE_CHECK(shapes_.rows[kSum] > 0 && shapes_.rows[kSum] == shapes_.rows[kX]);
    BGE_CHECK(shapes_.row_bytes[kX] == shapes_.rows[kW] * kGroupBytes);
    BGE_CHECK(shapes_.row_bytes[kSum] == shapes_.row_bytes[kW]);
  }

  AmxShapes shapes_ = AmxShapes(1);
  alignas(64) std::byte tiles_[8][kAmxRows][kAmxBytes] = {};
};

struct AmxBf16 {
  using Sum = float;
  template <int kSum, int kX, int kW, class Tiles>
  static HWY_INLINE void Multiply(Tiles& tiles) {
    tiles.template MultiplyBf16<kSum, kX, kW>();
  }
};

struct AmxInt8 {
  using Sum = int32_t;
  template <int kSum, int kX, int kW, class Tiles>
  static HWY_INLINE void Multiply(Tiles& tiles) {
    tiles.template MultiplyInt8<kSum, kX, kW>();
  }
};

// A block of up to 32 rows: its sums are [rows][kAmxBlockColumns] at `sums`, `stride` bytes from
// row to row; those that are there already are the start where `add`.
template <class Type, int kXTiles, class Tiles>
void SumAmxBlock(Tiles& tiles, const PanelProduct& product, int64_t row, int64_t rows,
                 typename Type::Sum* sums, int64_t stride, bool add) {
  constexpr int64_t kGroupOfPanel = kAmxBlockColumns * kGroupBytes;
  auto* const upper = reinterpret_cast<std::byte*>(sums);
  std::byte* const lower = upper + kAmxRows * stride;
  if (add) {
    tiles.template Load<AmxSum(0, 0)>(upper, stride);
    tiles.template Load<AmxSum(0, 1)>(upper + kAmxBytes, stride);
    if constexpr (kXTiles == 2) {
      tiles.template Load<AmxSum(1, 0)>(lower, stride);
      tiles.template Load<AmxSum(1, 1)>(lower + kAmxBytes, stride);
    }
  } else {
    tiles.template Zero<AmxSum(0, 0)>();
    tiles.template Zero<AmxSum(0, 1)>();
    if constexpr (kXTiles == 2) {
      tiles.template Zero<AmxSum(1, 0)>();
      tiles.template Zero<AmxSum(1, 1)>();
    }
  }

  const auto multiply = [&](const std::byte* x, int64_t x_stride, const std::byte* w) {
    tiles.template Load<AmxW(0)>(w, kGroupOfPanel);
    tiles.template Load<AmxX(0)>(x, x_stride);
    Type::template Multiply<AmxSum(0, 0), AmxX(0), AmxW(0)>(tiles);
    tiles.template Load<AmxW(1)>(w + kAmxBytes, kGroupOfPanel);
    Type::template Multiply<AmxSum(0, 1), AmxX(0), AmxW(1)>(tiles);
    if constexpr (kXTiles == 2) {
      tiles.template Load<AmxX(1)>(x + kAmxRows * x_stride, x_stride);
      Type::template Multiply<AmxSum(1, 0), AmxX(1), AmxW(0)>(tiles);
      Type::template Multiply<AmxSum(1, 1), AmxX(1), AmxW(1)>(tiles);
    }
  };
  const std::byte* x = product.x + row * product.x_stride;
  const std::byte* panel = product.panel;
  int64_t groups = product.groups;
  for (; groups >= kAmxGroups; groups -= kAmxGroups) {
    if (product.fetch_next) {
      for (int64_t i = 0; i < kAmxGroups * kGroupOfPanel; i += kLineBytes) {
        __builtin_prefetch(panel + kFetchAhead + i, 0, 2);
      }
    }
    multiply(x, product.x_stride, panel);
    x += kAmxBytes;
    panel += kAmxGroups * kGroupOfPanel;
  }
  if (groups > 0) {  // the last ones, with zeros
    alignas(64) std::byte last_x[kAmxBlockRows * kAmxBytes] = {};
    alignas(64) std::byte last_w[kAmxGroups * kGroupOfPanel] = {};
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(last_x + r * kAmxBytes, x + r * product.x_stride,
                  static_cast<size_t>(groups * kGroupBytes));
    }
    std::memcpy(last_w, panel, static_cast<size_t>(groups * kGroupOfPanel));
    multiply(last_x, kAmxBytes, last_w);
  }

  tiles.template Store<AmxSum(0, 0)>(upper, stride);
  tiles.template Store<AmxSum(0, 1)>(upper + kAmxBytes, stride);
  if constexpr (kXTiles == 2) {
    tiles.template Store<AmxSum(1, 0)>(lower, stride);
    tiles.template Store<AmxSum(1, 1)>(lower + kAmxBytes, stride);
  }
}

// Calls block(sum, row, rows) for each block of the product; sum(to, stride, add) is SumAmxBlock.
template <class Type, class Tiles, class Block>
HWY_INLINE void ForEachAmxBlock(const PanelProduct& product, const Block& block) {
  BGE_DCHECK(product.panels == 1);
  Tiles tiles;
  int64_t shaped = 0;
  for (int64_t row = 0; row < product.rows; row += kAmxBlockRows) {
    const int64_t rows = std::min(kAmxBlockRows, product.rows - row);
    if (rows != shaped) tiles.Shape(AmxShapes(rows));
    shaped = rows;
    block(
        [&](typename Type::Sum* to, int64_t stride, bool add) {
          if (rows > kAmxRows) {
            SumAmxBlock<Type, 2>(tiles, product, row, rows, to, stride, add);
          } else {
            SumAmxBlock<Type, 1>(tiles, product, row, rows, to, stride, add);
          }
        },
        row, rows);
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3

#endif  // BGE_KERNELS_CPU_GEMM_AMX_INL_H_
