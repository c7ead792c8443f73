// x / max(|x|, 1e-12) by rows. The norm is a sum in double: squares of large floats do not
// overflow, and those of tiny ones do not vanish.
#include "kernels/cpu/ops.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/normalize.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#include <algorithm>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void NormalizeRows(Matrix x) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> df;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t n = 0; n < x.rows; ++n) {
    float* row = x.row(n);
    auto s0 = hn::Zero(d);
    auto s1 = hn::Zero(d);
    int64_t i = 0;
    for (; i + 2 * lanes <= x.cols; i += 2 * lanes) {
      const auto v0 = hn::PromoteTo(d, hn::LoadU(df, row + i));
      const auto v1 = hn::PromoteTo(d, hn::LoadU(df, row + i + lanes));
      s0 = hn::MulAdd(v0, v0, s0);
      s1 = hn::MulAdd(v1, v1, s1);
    }
    double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1)));
    for (; i < x.cols; ++i) sum += static_cast<double>(row[i]) * static_cast<double>(row[i]);
    const double factor = 1.0 / std::max(std::sqrt(sum), 1e-12);
    for (i = 0; i + lanes <= x.cols; i += lanes) {
      const auto v = hn::PromoteTo(d, hn::LoadU(df, row + i));
      hn::StoreU(hn::DemoteTo(df, hn::Mul(v, hn::Set(d, factor))), df, row + i);
    }
    for (; i < x.cols; ++i) row[i] = static_cast<float>(static_cast<double>(row[i]) * factor);
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(NormalizeRows);

void L2Normalize(const OpContext& context, Matrix x) {
  context.pool.ParallelFor(x.rows, RowGrain(x.cols), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(NormalizeRows)(x.Rows(begin, end - begin));
  });
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
