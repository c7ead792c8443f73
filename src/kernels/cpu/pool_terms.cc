// Rows of logits to weights of terms: a few rows at a time, while they are in a near cache.
#include "kernels/cpu/ops.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool_terms.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// NaN wins, as in torch.
struct MaxStep {
  template <class D, class V>
  HWY_INLINE V operator()(D, V before, V y) const {
    return hn::IfThenElse(hn::Or(hn::Gt(y, before), hn::IsNaN(y)), y, before);
  }
};

struct LogStep {
  bool twice;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V before, V y) const {
    auto weight = hn::Log1p(d, hn::Max(y, hn::Zero(d)));
    if (twice) weight = hn::Log1p(d, weight);
    // What is not finite must stay it; no logarithm is asked for that.
    const auto finite = hn::Lt(hn::Abs(y), hn::Set(d, 3e38f));
    return hn::Add(before, hn::IfThenElse(finite, weight, hn::Sub(y, y)));
  }
};

template <class Step>
HWY_INLINE void PoolColumns(ConstMatrix rows, const float* bias, const Step& step, float* out) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  const auto cols = static_cast<size_t>(rows.cols);
  for (size_t c = 0; c < cols; c += lanes) {
    const size_t left = cols - c;
    const bool whole = left >= lanes;
    const auto load = [&](const float* from) HWY_ATTR {
      return whole ? hn::LoadU(d, from) : LoadFirst(d, from, left);
    };
    const auto add = bias == nullptr ? hn::Zero(d) : load(bias + c);
    auto pooled = load(out + c);
    for (int64_t r = 0; r < rows.rows; ++r) {
      pooled = step(d, pooled, hn::Add(load(rows.row(r) + c), add));
    }
    if (whole) {
      hn::StoreU(pooled, d, out + c);
    } else {
      StoreFirst(d, pooled, out + c, left);
    }
  }
}

void PoolTermsOf(ConstMatrix rows, const float* bias, TermPooling pooling, float* out) {
  if (pooling == TermPooling::kMax) return PoolColumns(rows, bias, MaxStep(), out);
  PoolColumns(rows, bias, LogStep{pooling == TermPooling::kSumLogLog}, out);
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(PoolTermsOf);

void PoolTerms(ConstMatrix rows, const float* bias, TermPooling pooling, float* out) {
  HWY_DYNAMIC_DISPATCH(PoolTermsOf)(rows, bias, pooling, out);
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
