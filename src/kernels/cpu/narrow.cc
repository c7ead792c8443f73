// float32 rows to the formats that linear layers multiply: bfloat16, and int8 with a scale a row.
//
// int8: the steps of a row (255, or 127 where the kernel wants seven bits) lie between its least
// and its largest number, or zero. (A scale for |x| alone leaves half of them unused after GELU; on
// MiniLM that doubled the loss of int8.) A row that is not finite gets a scale that is not: what is
// computed from it shows that. Outliers (operand.h) do not widen the range; that takes two thirds
// off what int8 costs a first token.
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/ops.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/narrow.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include "base/numeric.h"

#include <algorithm>
#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// to[0, count), and zeros up to a whole pair.
template <class Rounding>
void NarrowRowToBf16(Rounding, const float* from, int64_t count, uint16_t* to) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(Rounding::Round(d, hn::LoadU(d, from + i)), d16, to + i);
  }
  for (; i < count; ++i) to[i] = FloatToBf16(from[i]);
  if (count % 2 != 0) to[count] = 0;
}

void NarrowToBf16(const float* from, int64_t count, bool has_instruction, uint16_t* to) {
  WithBf16Rounding(has_instruction,
                   [&](auto rounding) { NarrowRowToBf16(rounding, from, count, to); });
}

struct Range {
  float least;
  float largest;
  bool finite;
  float outlier_limit;  // of magnitudes
  bool few_outliers;    // false: more than kMaxOutliers beyond it
};

// Of the numbers and zero.
template <class D>
HWY_INLINE Range RangeOf(D d, const float* from, int64_t count) {
  const hn::RebindToSigned<D> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto magnitude = hn::Set(di, 0x7fffffff);
  auto least0 = hn::Zero(d);
  auto least1 = hn::Zero(d);
  auto largest0 = hn::Zero(d);
  auto largest1 = hn::Zero(d);
  // The bits of |v| as integers, which for infinity and NaN are above those of all finite numbers.
  auto bits0 = hn::Zero(di);
  auto bits1 = hn::Zero(di);
  const auto take = [&](auto v, auto& least, auto& largest, auto& bits) HWY_ATTR {
    least = hn::Min(least, v);
    largest = hn::Max(largest, v);
    bits = hn::Max(bits, hn::And(hn::BitCast(di, v), magnitude));
  };
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    take(hn::LoadU(d, from + i), least0, largest0, bits0);
    take(hn::LoadU(d, from + i + lanes), least1, largest1, bits1);
  }
  if (i + lanes <= count) {
    take(hn::LoadU(d, from + i), least0, largest0, bits0);
    i += lanes;
  }
  if (i < count) {
    take(LoadFirst(d, from + i, static_cast<size_t>(count - i)), least1, largest1, bits1);
  }
  const int32_t most = hn::GetLane(hn::MaxOfLanes(di, hn::Max(bits0, bits1)));
  Range range;
  range.least = hn::GetLane(hn::MinOfLanes(d, hn::Min(least0, least1)));
  range.largest = Max(d, hn::Max(largest0, largest1));
  range.finite = most < 0x7f800000;
  // Lanes hold the largest magnitude of every so many numbers: in most rows, many are beyond.
  range.outlier_limit = kOutlierShare * std::max(-range.least, range.largest);
  const auto limit = hn::BitCast(di, hn::Set(d, range.outlier_limit));
  range.few_outliers =
      hn::CountTrue(di, hn::Gt(bits0, limit)) + hn::CountTrue(di, hn::Gt(bits1, limit)) <=
      kMaxOutliers;
  return range;
}

// Gives `row`, which has none, the columns of the numbers beyond `limit`, in order: none if there
// are too many.
template <class D>
HWY_INLINE void FindOutliers(D d, const float* from, int64_t count, float limit, RowScale& row) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < count; i += lanes) {
    const auto n = static_cast<size_t>(std::min(lanes, count - i));
    const auto v = n == hn::Lanes(d) ? hn::LoadU(d, from + i) : LoadFirst(d, from + i, n);
    const auto beyond = hn::Gt(hn::Abs(v), hn::Set(d, limit));
    if (hn::AllFalse(d, beyond)) continue;
    if (row.num_outliers + hn::CountTrue(d, beyond) > kMaxOutliers) {
      row.num_outliers = 0;
      return;
    }
    for (int64_t c = i; c < i + static_cast<int64_t>(n); ++c) {
      if (std::abs(from[c]) > limit) {
        row.outliers[row.num_outliers++].column = static_cast<int32_t>(c);
      }
    }
  }
}

// Of the numbers but the outliers, and zero.
template <class D>
HWY_INLINE Range RangeWithout(D d, const float* from, int64_t count, const RowScale& row) {
  Range range = {};
  range.finite = true;
  int64_t begin = 0;
  for (int i = 0; i <= row.num_outliers; ++i) {
    const int64_t end = i < row.num_outliers ? row.outliers[i].column : count;
    const Range part = RangeOf(d, from + begin, end - begin);
    range.least = std::min(range.least, part.least);
    range.largest = std::max(range.largest, part.largest);
    begin = end + 1;
  }
  return range;
}

// to[0, count), and zeros up to a whole group of four.
RowScale NarrowToInt8(const float* from, int64_t count, float steps, uint8_t* to) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Range range = RangeOf(d, from, count);
  float width = range.largest - range.least;
  RowScale row = {};
  if (range.finite && range.few_outliers) {
    FindOutliers(d, from, count, range.outlier_limit, row);
    if (row.num_outliers > 0) {
      const float magnitude = std::max(-range.least, range.largest);
      range = RangeWithout(d, from, count, row);
      width = std::max(range.largest - range.least, magnitude * (steps / kMaxOutlierSteps));
    }
  }
  float inverse = steps / width;
  if (!std::isfinite(inverse)) inverse = 0.0f;  // zeros, and what no float divides the steps by
  const auto zero_point =
      range.finite ? static_cast<int32_t>(std::lrint(-range.least * inverse)) : 0;
  const auto vinverse = hn::Set(d, inverse);
  const auto vzero_point = hn::Set(di, zero_point);
  const auto most = hn::Set(di, static_cast<int32_t>(steps));
  const auto quantize = [&](auto v) HWY_ATTR {
    const auto q = hn::Add(hn::NearestInt(hn::Mul(v, vinverse)), vzero_point);
    return hn::DemoteTo(d8, hn::Min(q, most));
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(quantize(hn::LoadU(d, from + i)), d8, to + i);
  }
  if (i < count) {
    const auto rest = static_cast<size_t>(count - i);
    HWY_ALIGN uint8_t bytes[hn::MaxLanes(d8)];
    hn::Store(quantize(LoadFirst(d, from + i, rest)), d8, bytes);
    std::memcpy(to + i, bytes, rest);
  }
  for (i = count; i % 4 != 0; ++i) to[i] = 0;
  row.scale = range.finite ? width / steps : std::numeric_limits<float>::quiet_NaN();
  row.zero_point = zero_point;
  for (int n = 0; n < row.num_outliers; ++n) {
    RowScale::Outlier& outlier = row.outliers[n];
    outlier.steps = static_cast<int32_t>(std::lrint(from[outlier.column] * inverse));
    to[outlier.column] = static_cast<uint8_t>(zero_point);
  }
  return row;
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(NarrowToBf16);
HWY_EXPORT(NarrowToInt8);

void NarrowRows(ConstMatrix x, const Operand& out) {
  const auto steps = static_cast<float>(Int8Steps());
  const bool has_instruction = CanUse(Extension::kAvx512Bf16);
  BGE_DCHECK(out.type != ComputeType::kFloat32 && x.rows == out.rows && x.cols == out.cols);
  for (int64_t r = 0; r < x.rows; ++r) {
    if (out.type == ComputeType::kBFloat16) {
      auto* to = static_cast<uint16_t*>(out.data) + r * out.stride;
      HWY_DYNAMIC_DISPATCH(NarrowToBf16)(x.row(r), x.cols, has_instruction, to);
    } else {
      BGE_DCHECK(out.scales != nullptr);
      auto* to = static_cast<uint8_t*>(out.data) + r * out.stride;
      out.scales[r] = HWY_DYNAMIC_DISPATCH(NarrowToInt8)(x.row(r), x.cols, steps, to);
    }
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
