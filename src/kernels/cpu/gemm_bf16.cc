// bfloat16 GEMM kernels for AVX512-BF16 and AMX: pairs of products are added to float32 sums.
//
// The order of additions is the instruction's and that of k: a result does not depend on the batch.
// They are written in assembly, so that the file needs no other flags than Highway's.
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gemm_bf16.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/gemm_amx-inl.h"
#include "kernels/cpu/gemm_tile-inl.h"
// clang-format on

#if HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

struct Bf16Type {
  using D = hn::Full512<float>;
  using DI = hn::RebindToSigned<D>;
  using Sum = hn::Vec<D>;
  using Group = hn::Vec<DI>;  // two numbers in a lane
  static constexpr int64_t kLanes = 16;

  static HWY_INLINE Group Load(const std::byte* p) {
    return hn::Load(DI(), reinterpret_cast<const int32_t*>(p));
  }
  static HWY_INLINE Group Broadcast(const std::byte* p) {
    int32_t group;
    std::memcpy(&group, p, sizeof group);
    return hn::Set(DI(), group);
  }
  static HWY_INLINE Sum MultiplyAdd(Sum sum, Group x, Group w) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
    return sum;
  }

  template <int kRows, int kVectors>
  static HWY_INLINE void Tile(int64_t row, Fetch fetch, const PanelProduct& product) {
    FloatTile<Bf16Type, kRows, kVectors>(D(), row, fetch, product);
  }
};

void MultiplyBf16(const PanelProduct& product) { ForEachTile<Bf16Type>(product); }

template <class Tiles>
void MultiplyBf16Amx(const PanelProduct& product) {
  constexpr auto kFloatBytes = static_cast<int64_t>(sizeof(float));
  const auto multiply = [&](const auto& sum, int64_t row, int64_t rows) {
    float* y = product.y + row * product.y_stride;
    if (product.columns == kAmxBlockColumns) {
      sum(y, product.y_stride * kFloatBytes, product.accumulate);
      return;
    }
    alignas(64) float whole[kAmxBlockRows][kAmxBlockColumns] = {};
    const auto bytes = static_cast<size_t>(product.columns * kFloatBytes);
    for (int64_t r = 0; r < rows && product.accumulate; ++r) {
      std::memcpy(whole[r], y + r * product.y_stride, bytes);
    }
    sum(whole[0], sizeof whole[0], product.accumulate);
    for (int64_t r = 0; r < rows; ++r) std::memcpy(y + r * product.y_stride, whole[r], bytes);
  };
  ForEachAmxBlock<AmxBf16, Tiles>(product, multiply);
}

void MultiplyBf16AmxTiles(const PanelProduct& product) { MultiplyBf16Amx<AmxTiles>(product); }
void MultiplyBf16EmulatedAmx(const PanelProduct& product) {
  MultiplyBf16Amx<EmulatedAmxTiles>(product);
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3

#if HWY_ONCE
namespace bge::cpu {

GemmKernel Bf16Kernel() {
#if HWY_TARGETS & HWY_AVX3
  if (CanUse(Extension::kAmx)) return AmxKernel(&N_AVX3::MultiplyBf16AmxTiles);
  if (CanUse(Extension::kEmulatedAmx)) return AmxKernel(&N_AVX3::MultiplyBf16EmulatedAmx);
  if (CanUse(Extension::kAvx512Bf16))
    return {N_AVX3::kPanelVectors * N_AVX3::Bf16Type::kLanes, N_AVX3::kPanelsAtOnce,
            &N_AVX3::MultiplyBf16};
#endif
  return {};
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
