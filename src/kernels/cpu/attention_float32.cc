// Attention in float32, for every instruction set.
#include "kernels/cpu/attention.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention_float32.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/attention_heads-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

void AttendHeadsFloat32(const HeadInputs& in, int64_t begin, int64_t end, FloatScratch& scratch) {
  AttendHeads<Float32Numbers>(in, begin, end, scratch);
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(AttendHeadsFloat32);

AttendHeadsFunction Float32Attention() { return &HWY_DYNAMIC_DISPATCH(AttendHeadsFloat32); }

}  // namespace bge::cpu
#endif  // HWY_ONCE
