// float32 rows to the formats that linear layers multiply: bfloat16, and int8 with a scale a row.
//
// int8: q = round(x / scale) + 128, scale = max |x| / 127 of the row. A row that is not finite gets
// a scale that is not: what is computed from it shows that.
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/ops.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/narrow.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include "base/numeric.h"

#include <algorithm>
#include <bit>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// FloatToBf16 of base/numeric.h for all lanes.
template <class D>
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, D>> ToBf16([[maybe_unused]] D d, hn::Vec<D> v) {
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> d16;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu)));
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  return hn::TruncateTo(d16, hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet, rounded)));
}

// to[0, count), and zeros up to a whole pair.
void NarrowToBf16(const float* from, int64_t count, uint16_t* to) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(ToBf16(d, hn::LoadU(d, from + i)), d16, to + i);
  }
  for (; i < count; ++i) to[i] = FloatToBf16(from[i]);
  if (count % 2 != 0) to[count] = 0;
}

// The largest |from[i]|; NaN where one is NaN. As integers, floats without a sign keep their order,
// NaN at the top.
template <class D>
HWY_INLINE float LargestMagnitude(D d, const float* from, int64_t count) {
  const hn::RebindToSigned<D> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto magnitude = hn::Set(di, 0x7fffffff);
  const auto bits = [&](int64_t i) HWY_ATTR {
    return hn::And(hn::BitCast(di, hn::LoadU(d, from + i)), magnitude);
  };
  auto m0 = hn::Zero(di);
  auto m1 = hn::Zero(di);
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    m0 = hn::Max(m0, bits(i));
    m1 = hn::Max(m1, bits(i + lanes));
  }
  for (; i + lanes <= count; i += lanes) m0 = hn::Max(m0, bits(i));
  int32_t largest = hn::GetLane(hn::MaxOfLanes(di, hn::Max(m0, m1)));
  for (; i < count; ++i) {
    largest = std::max(largest, std::bit_cast<int32_t>(from[i]) & 0x7fffffff);
  }
  return std::bit_cast<float>(largest);
}

// to[0, count), and zeros up to a whole group of four. Returns the scale.
float NarrowToInt8(const float* from, int64_t count, uint8_t* to) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float largest = LargestMagnitude(d, from, count);
  const float inverse = largest == 0.0f ? 0.0f : 127.0f / largest;
  const auto vinverse = hn::Set(d, inverse);
  const auto zero_point = hn::Set(di, kInt8ZeroPoint);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto q = hn::NearestInt(hn::Mul(hn::LoadU(d, from + i), vinverse));
    hn::StoreU(hn::DemoteTo(d8, hn::Add(q, zero_point)), d8, to + i);
  }
  if (i < count) {
    const auto rest = static_cast<size_t>(count - i);
    const auto q = hn::NearestInt(hn::Mul(LoadFirst(d, from + i, rest), vinverse));
    HWY_ALIGN uint8_t bytes[hn::MaxLanes(d8)];
    hn::Store(hn::DemoteTo(d8, hn::Add(q, zero_point)), d8, bytes);
    std::memcpy(to + i, bytes, rest);
  }
  for (i = count; i % 4 != 0; ++i) to[i] = 0;
  return largest / 127.0f;
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(NarrowToBf16);
HWY_EXPORT(NarrowToInt8);

void NarrowRows(ConstMatrix x, const Operand& out) {
  BGE_DCHECK(out.type != ComputeType::kFloat32 && x.rows == out.rows && x.cols == out.cols);
  for (int64_t r = 0; r < x.rows; ++r) {
    if (out.type == ComputeType::kBFloat16) {
      auto* to = static_cast<uint16_t*>(out.data) + r * out.stride;
      HWY_DYNAMIC_DISPATCH(NarrowToBf16)(x.row(r), x.cols, to);
    } else {
      auto* to = static_cast<uint8_t*>(out.data) + r * out.stride;
      out.scales[r] = HWY_DYNAMIC_DISPATCH(NarrowToInt8)(x.row(r), x.cols, to);
    }
  }
}

void NarrowColumns(ConstMatrix x, const Operand& out, int64_t column) {
  BGE_DCHECK(out.type == ComputeType::kBFloat16 && x.rows == out.rows && column % 2 == 0);
  for (int64_t r = 0; r < x.rows; ++r) {
    auto* to = static_cast<uint16_t*>(out.data) + r * out.stride + column;
    HWY_DYNAMIC_DISPATCH(NarrowToBf16)(x.row(r), x.cols, to);
  }
}

void ToOperand(const OpContext& context, ConstMatrix x, const Operand& out) {
  if (out.type == ComputeType::kFloat32) {
    BGE_CHECK(out.data == x.data && out.stride == x.stride);
    return;
  }
  context.pool.ParallelFor(x.rows, RowGrain(x.cols), [&](int64_t begin, int64_t end) {
    NarrowRows(x.Rows(begin, end - begin), out.Rows(begin, end - begin));
  });
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
