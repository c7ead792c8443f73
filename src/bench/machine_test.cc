#include "bench/machine.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <vector>

namespace bge {
namespace {

TEST(Machine, IsDescribed) {
  const Machine machine = DescribeMachine();
  EXPECT_FALSE(machine.cpu.empty());
  EXPECT_FALSE(machine.kernel_target.empty());
  EXPECT_GE(machine.cpus, 1);
#if defined(__x86_64__)
  // Everything is built for x86-64-v2, whose successor is the first that the list names.
  if (machine.kernel_target != "SSE4" && machine.kernel_target != "SSSE3") {
    EXPECT_FALSE(machine.instruction_sets.empty());
  }
#endif
}

TEST(Machine, CountsMemoryInBytes) {
  const int64_t before = PeakResidentBytes();
  EXPECT_GT(before, 1 << 20);
  std::vector<char> block(64 << 20, 1);
  EXPECT_GE(PeakResidentBytes(), before + (32 << 20)) << block[1];
  EXPECT_GE(AvailableMemoryBytes(), 0);
  EXPECT_GE(TotalL3Bytes(), 0);
}

TEST(LoadWatch, DoesNotCountThisProcess) {
  const LoadWatch watch;
  const std::clock_t own_before = std::clock();
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  while (seconds() < 0.3) {
  }
  const MachineLoad load = watch.Stop();
  const double own = static_cast<double>(std::clock() - own_before) / CLOCKS_PER_SEC / seconds();
  EXPECT_GE(load.average_before, 0);
  if (!load.other_cpus) GTEST_SKIP() << "/proc/stat tells nothing here";
  EXPECT_GE(*load.other_cpus, 0);
  // What was left for others. The kernel counts in ticks of 10 ms on each CPU.
  EXPECT_LE(*load.other_cpus, (1 + 0.07) * DescribeMachine().cpus - own);
}

}  // namespace
}  // namespace bge
