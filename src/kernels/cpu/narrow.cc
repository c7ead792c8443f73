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
#include "kernels/cpu/unroll.h"

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
  constexpr int kChains = 4;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  hn::Vec<D> least[kChains];
  hn::Vec<D> largest[kChains];
  hn::Vec<D> nothing[kChains];  // zero, and NaN where a number is infinite or NaN
  BGE_UNROLL
  for (int c = 0; c < kChains; ++c) least[c] = largest[c] = nothing[c] = zero;
  const auto take = [&](auto v, int c) HWY_ATTR {
    least[c] = hn::Min(least[c], v);
    largest[c] = hn::Max(largest[c], v);
    nothing[c] = hn::MulAdd(v, zero, nothing[c]);
  };
  int64_t i = 0;
  for (; i + kChains * lanes <= count; i += kChains * lanes) {
    BGE_UNROLL
    for (int c = 0; c < kChains; ++c) take(hn::LoadU(d, from + i + c * lanes), c);
  }
  for (; i + lanes <= count; i += lanes) take(hn::LoadU(d, from + i), 0);
  if (i < count) take(LoadFirst(d, from + i, static_cast<size_t>(count - i)), 1);
  const auto both = [](const hn::Vec<D>(&v)[kChains], const auto& join)
                        HWY_ATTR { return join(join(v[0], v[1]), join(v[2], v[3])); };
  Range range;
  range.least = hn::GetLane(
      hn::MinOfLanes(d, both(least, [](auto x, auto y) HWY_ATTR { return hn::Min(x, y); })));
  range.largest = Max(d, both(largest, [](auto x, auto y) HWY_ATTR { return hn::Max(x, y); }));
  range.finite = hn::AllFalse(
      d, hn::IsNaN(both(nothing, [](auto x, auto y) HWY_ATTR { return hn::Add(x, y); })));
  // Lanes hold the largest magnitude of every so many numbers: in most rows, many are beyond.
  range.outlier_limit = kOutlierShare * std::max(-range.least, range.largest);
  const auto limit = hn::Set(d, range.outlier_limit);
  size_t beyond = 0;
  BGE_UNROLL
  for (int c = 0; c < kChains; ++c) {
    beyond += hn::CountTrue(d, hn::Gt(hn::Max(hn::Neg(least[c]), largest[c]), limit));
  }
  range.few_outliers = beyond <= kMaxOutliers;
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

// to[0, lanes) = the whole numbers nearest to v, of [0, most]; `most` is at most 255.
HWY_INLINE void StoreNearestBytes(hn::Vec<hn::ScalableTag<float>> v, int most, uint8_t* to) {
  const hn::RebindToSigned<hn::ScalableTag<float>> di;
  const hn::Rebind<uint8_t, decltype(di)> d8;
  hn::StoreU(hn::DemoteTo(d8, hn::Min(hn::NearestInt(v), hn::Set(di, most))), d8, to);
}

// to[0, 4 lanes), likewise: half of the instructions that four vectors by themselves take.
#if HWY_TARGET == HWY_AVX3
HWY_INLINE void StoreNearestBytes(const hn::Vec<hn::ScalableTag<float>> (&v)[4], int most,
                                  uint8_t* to) {
  const auto words = [&](int i) HWY_ATTR {
    return _mm512_packs_epi32(_mm512_cvtps_epi32(v[i].raw), _mm512_cvtps_epi32(v[i + 1].raw));
  };
  // By blocks of 16 bytes, each with four of every vector.
  const __m512i mixed = _mm512_packus_epi16(words(0), words(2));
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  const __m512i bytes = _mm512_permutexvar_epi32(order, mixed);
  _mm512_storeu_si512(to, _mm512_min_epu8(bytes, _mm512_set1_epi8(static_cast<char>(most))));
}
#elif HWY_TARGET == HWY_AVX2
HWY_INLINE void StoreNearestBytes(const hn::Vec<hn::ScalableTag<float>> (&v)[4], int most,
                                  uint8_t* to) {
  const auto words = [&](int i) HWY_ATTR {
    return _mm256_packs_epi32(_mm256_cvtps_epi32(v[i].raw), _mm256_cvtps_epi32(v[i + 1].raw));
  };
  const __m256i mixed = _mm256_packus_epi16(words(0), words(2));
  const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
  const __m256i bytes = _mm256_permutevar8x32_epi32(mixed, order);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm256_min_epu8(bytes, _mm256_set1_epi8(static_cast<char>(most))));
}
#else
HWY_INLINE void StoreNearestBytes(const hn::Vec<hn::ScalableTag<float>> (&v)[4], int most,
                                  uint8_t* to) {
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i < 4; ++i) {
    StoreNearestBytes(v[i], most, to + i * hn::Lanes(d));
  }
}
#endif

// to[0, count), and zeros up to a whole group of four.
RowScale NarrowToInt8(const float* from, int64_t count, float steps, uint8_t* to) {
  const hn::ScalableTag<float> d;
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
  const auto vzero_point = hn::Set(d, static_cast<float>(zero_point));
  const auto scaled = [&](auto v) HWY_ATTR { return hn::MulAdd(v, vinverse, vzero_point); };
  const auto most = static_cast<int>(steps);
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const decltype(hn::Zero(d)) v[4] = {
        scaled(hn::LoadU(d, from + i)), scaled(hn::LoadU(d, from + i + lanes)),
        scaled(hn::LoadU(d, from + i + 2 * lanes)), scaled(hn::LoadU(d, from + i + 3 * lanes))};
    StoreNearestBytes(v, most, to + i);
  }
  for (; i + lanes <= count; i += lanes) {
    StoreNearestBytes(scaled(hn::LoadU(d, from + i)), most, to + i);
  }
  if (i < count) {
    const auto rest = static_cast<size_t>(count - i);
    HWY_ALIGN uint8_t bytes[hn::MaxLanes(d)];
    StoreNearestBytes(scaled(LoadFirst(d, from + i, rest)), most, bytes);
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
