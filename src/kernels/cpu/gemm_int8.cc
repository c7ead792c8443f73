// int8 GEMM kernels: unsigned rows of x times signed columns of W, exact in 32-bit sums.
//
// AVX512-VNNI and AVX-VNNI: vpdpbusd adds four products to a sum, without saturation. It is written
// in assembly, as GCC 12 takes the built-in function's operands through memory. AMX: the same, for
// whole tiles.
//
// Without VNNI: vpmaddubsw adds two products in 16 bits, where it saturates, so x has seven bits
// (127 * 127 * 2 fits); vpmaddwd by ones makes 32-bit sums of them. (Eight bits in vpmaddwd alone
// took 28 % longer on Zen 5; with outliers apart, seven lose as little as eight do with them.)
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gemm_int8.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/gemm_amx-inl.h"
#include "kernels/cpu/gemm_tile-inl.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include "tensor/int8_row.h"

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<D>;
using Int32s = hn::Vec<DI>;
constexpr auto kInt32Lanes = static_cast<int64_t>(hn::MaxLanes(D()));
constexpr int64_t kPanelColumns = kPanelVectors * kInt32Lanes;

struct Vnni {
  static HWY_INLINE Int32s MultiplyAdd(Int32s sum, Int32s x, Int32s w) {
#if HWY_TARGET == HWY_AVX3
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
#else
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.raw) : "x"(x.raw), "x"(w.raw));
#endif
    return sum;
  }
};

struct Pairs {
  static HWY_INLINE Int32s MultiplyAdd(Int32s sum, Int32s x, Int32s w) {
#if HWY_TARGET == HWY_AVX3
    const __m512i pairs = _mm512_maddubs_epi16(x.raw, w.raw);
    return Int32s{_mm512_add_epi32(sum.raw, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))};
#else
    const __m256i pairs = _mm256_maddubs_epi16(x.raw, w.raw);
    return Int32s{_mm256_add_epi32(sum.raw, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))};
#endif
  }
};

// Stores or adds a tile of sums, which are less the zero points, times the scales.
template <int kRows, int kVectors>
HWY_INLINE void StoreScaled(const Int32s (&sums)[kRows][kVectors], const PanelProduct& product,
                            int64_t row) {
  hn::Vec<D> scaled[kRows][kVectors];
  BGE_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    const auto scale = hn::Load(D(), product.column_scales.scales + v * kInt32Lanes);
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      scaled[r][v] = hn::Mul(hn::ConvertTo(D(), sums[r][v]), scale);
    }
  }
  if (product.accumulate) AddTile(D(), product, row, scaled);
  if (product.scale_rows) {
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const auto scale = hn::Set(D(), product.row_scales[row + r].scale);
      BGE_UNROLL
      for (int v = 0; v < kVectors; ++v) scaled[r][v] = hn::Mul(scaled[r][v], scale);
    }
  }
  StoreTile(D(), scaled, product, row);
}

// What the kernels share. Instruction has MultiplyAdd(sum, x, w).
template <class Instruction>
struct Int8Type : public Instruction {
  using Sum = Int32s;
  using Group = Int32s;  // four numbers in a lane
  static constexpr int64_t kLanes = kInt32Lanes;

  static HWY_INLINE Group Load(const std::byte* p) {
    return hn::Load(DI(), reinterpret_cast<const int32_t*>(p));
  }
  static HWY_INLINE Group Broadcast(const std::byte* p) {
    int32_t group;
    std::memcpy(&group, p, sizeof group);
    return hn::Set(DI(), group);
  }
  template <int kRows, int kVectors>
  static HWY_INLINE void Tile(int64_t row, Fetch fetch, const PanelProduct& product) {
    const RowScale* rows = product.row_scales + row;
    Sum sums[kRows][kVectors];
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const Sum column_sums = hn::Load(DI(), product.column_scales.sums + v * kLanes);
      BGE_UNROLL
      for (int r = 0; r < kRows; ++r) {
        sums[r][v] = hn::Mul(column_sums, hn::Set(DI(), -rows[r].zero_point));
      }
    }
    SumTile<Int8Type>(row, 0, product.groups, fetch, product, sums);
    StoreScaled(sums, product, row);
  }
};

// The remainders of a column of k, of the product's columns; null where they are not known.
HWY_INLINE const int8_t* FindRemainders(const Remainders& remainders, int32_t column) {
  for (size_t i = 0; i < remainders.columns.size(); ++i) {
    if (remainders.columns[i] == column) {
      return remainders.values + static_cast<int64_t>(i) * remainders.stride;
    }
  }
  return nullptr;
}

// y[r] += steps w[column], scaled, for each of the row's outliers, which few rows have.
HWY_NOINLINE void AddOutliers(const PanelProduct& product, int64_t r) {
  const hn::Rebind<int8_t, DI> d8;
  const RowScale& row = product.row_scales[r];
  float* y = product.y + r * product.y_stride;
  for (int i = 0; i < row.num_outliers; ++i) {
    const RowScale::Outlier outlier = row.outliers[i];
    const std::byte* group = product.panel + outlier.column / 4 * kPanelColumns * kGroupBytes;
    const float* const scales =
        product.column_scales.scales +
        outlier.column / 4 / product.column_scales.part_groups * product.column_scales.stride;
    const int above = 24 - outlier.column % 4 * 8;  // bits of the group
    const int8_t* const remainders = FindRemainders(product.remainders, outlier.column);
    const auto scale = hn::Set(D(), row.scale * static_cast<float>(outlier.steps));
    for (int64_t c = 0; c < product.columns; c += kInt32Lanes) {
      const Int32s groups = hn::Load(
          DI(), reinterpret_cast<const int32_t*>(group + c / kPanelColumns * product.panel_stride +
                                                 c % kPanelColumns * kGroupBytes));
      auto w = hn::ConvertTo(D(), hn::ShiftRight<24>(hn::ShiftLeftSame(groups, above)));
      if (remainders != nullptr) {
        const Int32s steps = hn::PromoteTo(DI(), hn::LoadU(d8, remainders + c));
        w = hn::MulAdd(hn::ConvertTo(D(), steps), hn::Set(D(), 1.0f / kRemainderSteps), w);
      }
      const auto column_scale = hn::Load(D(), scales + c);
      const auto part = hn::Mul(hn::Mul(w, scale), column_scale);
      if (c + kInt32Lanes <= product.columns) {
        hn::StoreU(hn::Add(hn::LoadU(D(), y + c), part), D(), y + c);
      } else {
        const auto n = static_cast<size_t>(product.columns - c);
        StoreFirst(D(), hn::Add(LoadFirst(D(), y + c, n), part), y + c, n);
      }
    }
  }
}

HWY_INLINE void AddAllOutliers(const PanelProduct& product) {
  for (int64_t r = 0; r < product.rows; ++r) {
    if (product.row_scales[r].num_outliers > 0) AddOutliers(product, r);
  }
}

// multiply(part) for each part of k, the rows of all of which stay in the first-level cache.
template <class F>
HWY_INLINE void ForEachPart(const PanelProduct& product, const F& multiply) {
  const ColumnScales& columns = product.column_scales;
  int64_t begin = 0;
  do {  // without any k too, of which the sums are zero
    const int64_t left = product.groups - begin;
    PanelProduct part = product;
    part.x += begin * kGroupBytes;
    part.panel += begin * kPanelColumns * kGroupBytes;
    part.groups = std::min(columns.part_groups, left);
    const int64_t at = begin / columns.part_groups * columns.stride;
    part.column_scales.scales += at;
    part.column_scales.sums += at;
    part.accumulate = begin > 0;
    part.scale_rows = left <= columns.part_groups;
    multiply(part);
    begin += columns.part_groups;
  } while (begin < product.groups);
}

template <class Instruction>
HWY_INLINE void Multiply(const PanelProduct& product) {
  ForEachPart(product,
              [](const PanelProduct& part) HWY_ATTR { ForEachTile<Int8Type<Instruction>>(part); });
  AddAllOutliers(product);
}

void MultiplyVnni(const PanelProduct& product) { Multiply<Vnni>(product); }
void MultiplyPairs(const PanelProduct& product) { Multiply<Pairs>(product); }

#if HWY_TARGET == HWY_AVX3
template <class Tiles>
void MultiplyAmx(const PanelProduct& product) {
  ForEachPart(product, [](const PanelProduct& part) HWY_ATTR {
    const auto multiply = [&](const auto& sum, int64_t row, int64_t rows) HWY_ATTR {
      alignas(64) int32_t sums[kAmxBlockRows][kAmxBlockColumns];
      sum(sums[0], sizeof sums[0], /*add=*/false);
      for (int64_t r = 0; r < rows; ++r) {
        Int32s values[1][kPanelVectors];
        BGE_UNROLL
        for (int v = 0; v < kPanelVectors; ++v) {
          const Int32s column_sums = hn::Load(DI(), part.column_scales.sums + v * kInt32Lanes);
          const Int32s start =
              hn::Mul(column_sums, hn::Set(DI(), -part.row_scales[row + r].zero_point));
          values[0][v] = hn::Add(start, hn::Load(DI(), sums[r] + v * kInt32Lanes));
        }
        StoreScaled(values, part, row + r);
      }
    };
    ForEachAmxBlock<AmxInt8, Tiles>(part, multiply);
  });
  AddAllOutliers(product);
}

void MultiplyAmxTiles(const PanelProduct& product) { MultiplyAmx<AmxTiles>(product); }
void MultiplyEmulatedAmx(const PanelProduct& product) { MultiplyAmx<EmulatedAmxTiles>(product); }
#endif

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace bge::cpu {

GemmKernel Int8Kernel() {
#if HWY_TARGETS & HWY_AVX3
  if (CanUse(Extension::kAmx)) return AmxKernel(&N_AVX3::MultiplyAmxTiles);
  if (CanUse(Extension::kEmulatedAmx)) return AmxKernel(&N_AVX3::MultiplyEmulatedAmx);
  if (CanUse(Extension::kAvx512Vnni))
    return {N_AVX3::kPanelColumns, N_AVX3::kPanelsAtOnce, &N_AVX3::MultiplyVnni};
#endif
#if HWY_TARGETS & HWY_AVX2
  if (CanUse(Extension::kAvxVnni))
    return {N_AVX2::kPanelColumns, N_AVX2::kPanelsAtOnce, &N_AVX2::MultiplyVnni};
#endif
#if HWY_TARGETS & HWY_AVX3
  if (HighwayTarget() == HWY_AVX3)
    return {N_AVX3::kPanelColumns, N_AVX3::kPanelsAtOnce, &N_AVX3::MultiplyPairs};
#endif
#if HWY_TARGETS & HWY_AVX2
  if (HighwayTarget() == HWY_AVX2)
    return {N_AVX2::kPanelColumns, N_AVX2::kPanelsAtOnce, &N_AVX2::MultiplyPairs};
#endif
  return {};
}

int Int8Steps() {
  return CanUse(Extension::kAvx512Vnni) || CanUse(Extension::kAvxVnni) ? 255 : 127;
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
