#include "kernels/cpu/roof.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/roof.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/unroll.h"
// clang-format on

#include "kernels/cpu/roof_narrow.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <ctime>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kChains = 12;  // more than latency (4) times units (2)

// Operations done by `rounds` rounds; *sink keeps them alive.
int64_t MultiplyAdds(int64_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  V sums[kChains];
  BGE_UNROLL
  for (int i = 0; i < kChains; ++i) sums[i] = hn::Set(d, *sink + static_cast<float>(i));
  const V a = hn::Set(d, 0.999f);
  const V b = hn::Set(d, 0.001f);
  for (int64_t r = 0; r < rounds; ++r) {
    BGE_UNROLL
    for (int i = 0; i < kChains; ++i) sums[i] = hn::MulAdd(sums[i], a, b);
  }
  V total = sums[0];
  BGE_UNROLL
  for (int i = 1; i < kChains; ++i) total = hn::Add(total, sums[i]);
  *sink = hn::GetLane(total) * 1e-3f;
  return rounds * kChains * 2 * static_cast<int64_t>(hn::Lanes(d));
}

float ReadSum(const float* values, size_t n) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const size_t lanes = hn::Lanes(d);
  V sums[kChains];
  BGE_UNROLL
  for (int i = 0; i < kChains; ++i) sums[i] = hn::Zero(d);
  size_t at = 0;
  for (; at + kChains * lanes <= n; at += kChains * lanes) {
    BGE_UNROLL
    for (int i = 0; i < kChains; ++i) {
      sums[i] = hn::Add(sums[i], hn::LoadU(d, values + at + static_cast<size_t>(i) * lanes));
    }
  }
  V total = sums[0];
  BGE_UNROLL
  for (int i = 1; i < kChains; ++i) total = hn::Add(total, sums[i]);
  float sum = hn::GetLane(hn::SumOfLanes(d, total));
  for (; at < n; ++at) sum += values[at];
  return sum;
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(MultiplyAdds);
HWY_EXPORT(ReadSum);

namespace {

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

int64_t RunMultiplyAdds(int64_t rounds) {
  static std::atomic<float> sink = 0.5f;  // where a compiler must suppose that somebody looks
  float value = sink;
  const int64_t operations = HWY_DYNAMIC_DISPATCH(MultiplyAdds)(rounds, &value);
  sink = value;
  return operations;
}

double MeasureFmaPeak() {
  double best = 0.0;
  for (int i = 0; i < 10; ++i) {
    const double begin = CpuSeconds();
    const int64_t flops = RunMultiplyAdds(4'000'000);
    best = std::max(best, static_cast<double>(flops) / (CpuSeconds() - begin) * 1e-9);
  }
  return best;
}

}  // namespace

std::vector<PeakLoop> PeakLoops() {
  std::vector<PeakLoop> loops = {{"float32", "multiply-add", RunMultiplyAdds}};
  for (const PeakLoop& loop : NarrowPeakLoops()) loops.push_back(loop);
  return loops;
}

double FmaPeakGflops() {
  static const double peak = MeasureFmaPeak();
  return peak;
}

float ReadSum(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(ReadSum)(values.data(), values.size());
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
