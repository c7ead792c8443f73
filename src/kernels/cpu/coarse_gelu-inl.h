// The exact GELU, x Phi(x), for results that bfloat16 or int8 then rounds.
//
// With a = |x| it is max(x, 0) - a Phi(-a), whose second term is a polynomial, or pieces of one,
// where it is not next to nothing.
#include "hwy/highway.h"
#include "kernels/cpu/vector_math-inl.h"

// Include guard of Highway's kind: passes once per target.
#if defined(BGE_KERNELS_CPU_COARSE_GELU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_COARSE_GELU_INL_H_
#undef BGE_KERNELS_CPU_COARSE_GELU_INL_H_
#else
#define BGE_KERNELS_CPU_COARSE_GELU_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3

// Parabolas that go through -a Phi(-a) at three points of a piece (Chebyshev's), which puts them
// 1.4e-5 off at most. Piece k is about k * kStep, and begins and ends half a step from that; the
// last one is 0 and begins where the term is 1.1e-5.
struct GeluPieces {
  static constexpr int kCount = 32;
  static constexpr double kStep = 0.15;

  constexpr GeluPieces() : constant{}, linear{}, square{} {
    for (int k = 0; k + 1 < kCount; ++k) {
      // The first goes through 0 and begins there.
      constexpr double kCosine = 0.86602540378443865;  // of 30 degrees
      const double apart = k == 0 ? kStep / 4 : kStep / 2 * kCosine;
      const double middle = k == 0 ? apart : k * kStep;
      const double low = Term(middle - apart);
      const double high = Term(middle + apart);
      const double curve = (low - 2 * Term(middle) + high) / (2 * apart * apart);
      const double slope = (high - low) / (2 * apart) - 2 * curve * middle;
      square[k] = static_cast<float>(curve);
      linear[k] = static_cast<float>(slope);
      constant[k] =
          k == 0 ? 0.0f : static_cast<float>(Term(middle) - middle * (slope + middle * curve));
    }
  }

  // -a Phi(-a), by the series of exp and of Phi - 1/2, none of whose terms are negative (Abramowitz
  // and Stegun 26.2.11).
  static constexpr double Term(double a) {
    double power = 1;
    double exp = 1;  // of a^2 / 2
    double odd = a;
    double sum = a;
    for (int n = 1; n <= 80; ++n) {
      power *= a * a / 2 / n;
      exp += power;
      odd *= a * a / (2 * n + 1);
      sum += odd;
    }
    constexpr double kDensityAtZero = 0.39894228040143268;
    return -a * (0.5 - kDensityAtZero / exp * sum);
  }

  alignas(64) float constant[kCount];
  alignas(64) float linear[kCount];
  alignas(64) float square[kCount];
};
constexpr GeluPieces kGeluPieces;

// To 1.4e-5 absolutely.
template <class D, class V>
HWY_INLINE V CoarseGeluErf(D d, V x) {
  static_assert(hn::MaxLanes(D()) == 16);
  constexpr auto kStep = static_cast<float>(GeluPieces::kStep);
  const V a = AtMost(d, (GeluPieces::kCount - 1) * kStep, hn::Abs(x));
  // Its lowest bits are the piece's number, which are what picks of a table.
  const auto piece = hn::BitCast(hn::RebindToSigned<D>(),
                                 hn::MulAdd(a, hn::Set(d, 1 / kStep), hn::Set(d, kRoundingShift)));
  const auto pick = [&](const float* table) HWY_ATTR {
    return V{
        _mm512_permutex2var_ps(hn::Load(d, table).raw, piece.raw, hn::Load(d, table + 16).raw)};
  };
  const V slope = hn::MulAdd(pick(kGeluPieces.square), a, pick(kGeluPieces.linear));
  return hn::Add(hn::MulAdd(slope, a, pick(kGeluPieces.constant)), AtLeast(d, 0.0f, x));
}

#else

// To 7e-5 absolutely: the second term is a polynomial of degree 10 up to 4.2 and ends there.
template <class D, class V>
HWY_INLINE V CoarseGeluErf(D d, V x) {
  const V a = AtMost(d, 4.2f, hn::Abs(x));
  V p = hn::Set(d, -1.63228888e-5f);
  p = hn::MulAdd(p, a, hn::Set(d, 3.76982585e-4f));
  p = hn::MulAdd(p, a, hn::Set(d, -3.61162215e-3f));
  p = hn::MulAdd(p, a, hn::Set(d, 1.80549268e-2f));
  p = hn::MulAdd(p, a, hn::Set(d, -4.69708219e-2f));
  p = hn::MulAdd(p, a, hn::Set(d, 4.5651231e-2f));
  p = hn::MulAdd(p, a, hn::Set(d, 3.25366706e-2f));
  p = hn::MulAdd(p, a, hn::Set(d, 1.43392822e-2f));
  p = hn::MulAdd(p, a, hn::Set(d, -4.01924103e-1f));
  p = hn::MulAdd(p, a, hn::Set(d, 5.00214159e-1f));
  return hn::NegMulAdd(a, p, AtLeast(d, 0.0f, x));
}

#endif

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_COARSE_GELU_INL_H_
