// float32 GEMM kernels, for every instruction set.
//
// Per group of k a 6 x 4 tile of AVX-512 does 24 multiply-adds for 4 loads and 6 broadcasts, a
// 12 x 2 tile 24 for 2 and 12, a 6 x 2 tile of AVX2 12 for 2 and 6: all are bound by the
// multiply-add units.
#include "kernels/cpu/gemm.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gemm_float32.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/gemm_tile-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

struct Float32Type {
  // Panels have one width for all vectors of a target: kMaxPanelColumns bounds it.
  using D = hn::CappedTag<float, kMaxPanelColumns / kPanelVectors>;
  using Sum = hn::Vec<D>;
  using Group = hn::Vec<D>;
  static constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

  static HWY_INLINE Group Load(const std::byte* p) {
    return hn::Load(D(), reinterpret_cast<const float*>(p));
  }
  static HWY_INLINE Group Broadcast(const std::byte* p) {
    return hn::Set(D(), *reinterpret_cast<const float*>(p));
  }
  static HWY_INLINE Sum MultiplyAdd(Sum sum, Group x, Group w) { return hn::MulAdd(x, w, sum); }

  template <int kRows, int kVectors>
  static HWY_INLINE void Tile(int64_t row, Fetch fetch, const PanelProduct& product) {
    FloatTile<Float32Type, kRows, kVectors>(D(), row, fetch, product);
  }
};

void MultiplyFloat32(const PanelProduct& product) { ForEachTile<Float32Type>(product); }

int64_t Float32PanelColumns() { return kPanelVectors * Float32Type::kLanes; }
int64_t Float32PanelsAtOnce() { return kPanelsAtOnce; }

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(MultiplyFloat32);
HWY_EXPORT(Float32PanelColumns);
HWY_EXPORT(Float32PanelsAtOnce);

GemmKernel Float32Kernel() {
  return {HWY_DYNAMIC_DISPATCH(Float32PanelColumns)(), HWY_DYNAMIC_DISPATCH(Float32PanelsAtOnce)(),
          &HWY_DYNAMIC_DISPATCH(MultiplyFloat32)};
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
