// Elementary functions on Highway vectors, compiled once per target.
//
// The polynomials were fitted for the smallest maximal relative error (Lawson's iteration) and
// rounded to float; backend_ops_test.cc sweeps what is made of them.
#include "hwy/highway.h"

// Include guard of Highway's kind: passes once per target.
#if defined(BGE_KERNELS_CPU_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_VECTOR_MATH_INL_H_
#undef BGE_KERNELS_CPU_VECTOR_MATH_INL_H_
#else
#define BGE_KERNELS_CPU_VECTOR_MATH_INL_H_
#endif

#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The first n < Lanes(d) floats at p, zeros after them; touches no byte behind them (Highway's
// MaskedLoad reads the whole vector before AVX2).
template <class D>
HWY_INLINE hn::Vec<D> LoadFirst(D d, const float* p, size_t n) {
  HWY_ALIGN float lanes[hn::MaxLanes(d)] = {};
  std::memcpy(lanes, p, n * sizeof(float));
  return hn::Load(d, lanes);
}

// Stores the first n < Lanes(d) floats of v.
template <class D>
HWY_INLINE void StoreFirst(D d, hn::Vec<D> v, float* p, size_t n) {
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  std::memcpy(p, lanes, n * sizeof(float));
}

// max(limit, x) and min(limit, x), but NaN for NaN: x86 gives its second operand where one is NaN,
// ARM the other one.
template <class D>
HWY_INLINE hn::Vec<D> AtLeast(D d, float limit, hn::Vec<D> x) {
  const auto most = hn::Max(hn::Set(d, limit), x);
  return HWY_ARCH_ARM ? hn::IfThenElse(hn::IsNaN(x), x, most) : most;
}
template <class D>
HWY_INLINE hn::Vec<D> AtMost(D d, float limit, hn::Vec<D> x) {
  const auto least = hn::Min(hn::Set(d, limit), x);
  return HWY_ARCH_ARM ? hn::IfThenElse(hn::IsNaN(x), x, least) : least;
}

// The upper halves are the lanes rounded to bfloat16, ties to even; NaN stays NaN. The lower halves
// are anything.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> RoundedBf16([[maybe_unused]] D d, hn::Vec<D> v) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu)));
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
  return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), quiet, rounded);
}

// Two ways to bfloat16, to the nearest, ties to even: FloatToBf16 of base/numeric.h for all
// lanes...
struct PlainBf16 {
  template <class D>
  static HWY_INLINE hn::Vec<hn::Rebind<uint16_t, D>> Round(D d, hn::Vec<D> v) {
    const hn::Rebind<uint16_t, D> d16;
    return hn::TruncateTo(d16, hn::ShiftRight<16>(RoundedBf16(d, v)));
  }
};

#if HWY_TARGET == HWY_AVX3
// ...and AVX512-BF16's instruction, for which, as for the one that multiplies them, subnormals are
// zero.
struct Bf16Instruction {
  template <class D>
  static HWY_INLINE hn::Vec<hn::Rebind<uint16_t, D>> Round(D, hn::Vec<D> v) {
    static_assert(hn::MaxLanes(D()) == 16);
    hn::Vec<hn::Rebind<uint16_t, D>> bits;
    asm("vcvtneps2bf16 %1, %0" : "=v"(bits.raw) : "v"(v.raw));
    return bits;
  }
};
#endif

// function(the faster one), of what linear layers multiply.
template <class F>
HWY_INLINE void WithBf16Rounding([[maybe_unused]] bool has_instruction, const F& function) {
#if HWY_TARGET == HWY_AVX3
  if (has_instruction) return function(Bf16Instruction());
#endif
  function(PlainBf16());
}

template <class D>
HWY_INLINE float Sum(D d, hn::Vec<D> v) {
  return hn::GetLane(hn::SumOfLanes(d, v));
}

template <class D>
HWY_INLINE float Max(D d, hn::Vec<D> v) {
  return hn::GetLane(hn::MaxOfLanes(d, v));
}

// Of the polynomial that is 2^r for r in [-0.5, 0.5], to 9.2e-8 relatively, and exact at 0; the
// highest power first.
inline constexpr float kExp2Coefficients[] = {1.3264727e-3f, 9.6715130e-3f, 5.5507336e-2f,
                                              2.4022242e-1f, 6.9314700e-1f, 1.0f};

template <class D, class V>
HWY_INLINE V Exp2Polynomial(D d, V r, const float* coefficients = kExp2Coefficients) {
  V p = hn::Set(d, coefficients[0]);
  for (int i = 1; i < 6; ++i) p = hn::MulAdd(p, r, hn::Set(d, coefficients[i]));
  return p;
}

// 2^n * 2^r, given r in [-0.5, 0.5] and `shifted` = n + 1.5 * 2^23, whose low bits are n.
template <class D, class V>
HWY_INLINE V ScaledExp2(D d, V r, V shifted) {
  const hn::RebindToSigned<D> di;
  const V p = Exp2Polynomial(d, r);
  // The constant's own bits leave the word at the top, so that n is added to p's exponent.
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
}

// Adding it rounds a float of magnitude below 2^22 to an integer, ties to even.
constexpr float kRoundingShift = 12582912.0f;  // 1.5 * 2^23

// 2^x for x in [-126, 127], to 1.7e-7 relatively; below -126 some value under 2^-126, above 127
// wrong. 2^0 is exactly 1. NaN gives NaN.
template <class D, class V>
HWY_INLINE V Exp2(D d, V x) {
  x = AtLeast(d, -126.0f, x);
  const V shifted = hn::Add(x, hn::Set(d, kRoundingShift));
  const V n = hn::Sub(shifted, hn::Set(d, kRoundingShift));
  return ScaledExp2(d, hn::Sub(x, n), shifted);
}

// 2^x for x in [-126, 126], to 1.7e-7 relatively; below, some value under 2^-126, and above, some
// value over 2^126, perhaps infinity. NaN gives NaN.
template <class D, class V>
HWY_INLINE V SaturatedExp2(D d, V x) {
#if HWY_TARGET == HWY_AVX3
  const float* coefficients = kExp2Coefficients;
  asm volatile("" : "+r"(coefficients));
  const V n = hn::Round(x);
  V p = Exp2Polynomial(d, hn::Sub(x, n), coefficients);
  asm("vscalefps %1, %0, %0" : "+v"(p.raw) : "v"(n.raw));
  return p;
#else
  return Exp2(d, AtMost(d, 127.0f, x));
#endif
}

// e^x for any x: to 2.5e-7 relatively in [-87.3, 88.0], clamped to the values at the ends outside.
// NaN gives NaN.
template <class D, class V>
HWY_INLINE V Exp(D d, V x) {
  x = AtMost(d, 88.0f, AtLeast(d, -87.3f, x));
  const V log2e = hn::Set(d, 1.44269504f);
  const V shifted = hn::MulAdd(x, log2e, hn::Set(d, kRoundingShift));
  const V n = hn::Sub(shifted, hn::Set(d, kRoundingShift));
  // r = x - n * ln 2 in two steps (Cody and Waite); n * 0.693359375 is exact.
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  return ScaledExp2(d, hn::Mul(r, log2e), shifted);
}

// x * Phi(x), Phi the normal distribution: the exact GELU, 0.5 x (1 + erf(x / sqrt 2)).
//
// With a = |x|: x Phi(x) = max(x, 0) - a Phi(-a), and Phi(-a) = exp(-a^2 / 2) R(a), where R is half
// the scaled complementary error function of a / sqrt 2: a polynomial of degree 7 in 1 / (1 + 0.35
// a) is R to 3.2e-7 relatively on [0, 14.5]. Nothing cancels, so that the tail on the left keeps
// its relative accuracy, which 1 + erf loses.
template <class D, class V>
HWY_INLINE V GeluErf(D d, V x) {
  const V a = AtMost(d, 14.4f, hn::Abs(x));  // Phi(-14.4) is below the smallest float
  const V u = hn::Div(hn::Set(d, 1.0f), hn::MulAdd(a, hn::Set(d, 0.35f), hn::Set(d, 1.0f)));
  V p = hn::Set(d, 4.89021651e-2f);
  p = hn::MulAdd(p, u, hn::Set(d, -2.01967463e-1f));
  p = hn::MulAdd(p, u, hn::Set(d, 2.40406096e-1f));
  p = hn::MulAdd(p, u, hn::Set(d, -1.68313030e-2f));
  p = hn::MulAdd(p, u, hn::Set(d, 1.55871928e-1f));
  p = hn::MulAdd(p, u, hn::Set(d, 1.33378789e-1f));
  p = hn::MulAdd(p, u, hn::Set(d, 1.40267059e-1f));
  p = hn::MulAdd(p, u, hn::Set(d, -2.71317567e-5f));
  // exp(-a^2 / 2) = 2^(-a^2 log2(e) / 2)
  const V e = Exp2(d, hn::Mul(hn::Mul(a, a), hn::Set(d, -0.72134752f)));
  return hn::NegMulAdd(hn::Mul(a, p), e, AtLeast(d, 0.0f, x));
}

// 1 / (1 + e^-x), to a few ulp.
template <class D, class V>
HWY_INLINE V Sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, Exp(d, hn::Neg(x))));
}

// tanh x: a Taylor-like odd polynomial near 0, where the other formula cancels, else
// 1 - 2 / (e^2|x| + 1) with x's sign.
template <class D, class V>
HWY_INLINE V Tanh(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V a = hn::Abs(x);
  const V x2 = hn::Mul(x, x);
  // tanh(x) / x in x^2 on |x| < 0.625 (Cephes tanhf).
  V p = hn::Set(d, -5.70498872745e-3f);
  p = hn::MulAdd(p, x2, hn::Set(d, 2.06390887954e-2f));
  p = hn::MulAdd(p, x2, hn::Set(d, -5.37397155531e-2f));
  p = hn::MulAdd(p, x2, hn::Set(d, 1.33314422036e-1f));
  p = hn::MulAdd(p, x2, hn::Set(d, -3.33332819422e-1f));
  const V small = hn::MulAdd(hn::Mul(p, x2), x, x);
  const V e = Exp(d, hn::Add(a, a));
  const V large = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(e, one)));
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.625f)), small, hn::CopySignToAbs(large, x));
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_VECTOR_MATH_INL_H_
