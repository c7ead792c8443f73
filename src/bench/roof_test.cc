#include "bench/roof.h"

#include "bench/best_time.h"
#include "kernels/backend.h"
#include "kernels/cpu/roof.h"
#include "tests/expect_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <thread>
#include <vector>

namespace bge {
namespace {

// Every part once, small enough for a test.
RoofOptions Small(int threads) {
  RoofOptions options;
  options.threads = threads;
  options.models = {{"tiny", 32, 64}};
  options.rows = {3, 40};
  options.seqlens = {5};
  options.head_dims = {32};
  options.attention_tokens = 20;
  options.memory_bytes = {1'000'000};
  return options;
}

// Of linear layers, on this machine.
size_t NumTypes() {
  size_t types = 0;
  for (const ComputeType type :
       {ComputeType::kFloat32, ComputeType::kBFloat16, ComputeType::kInt8}) {
    types += CpuBackend().Supports(type) ? 1 : 0;
  }
  return types;
}

TEST(Roof, MeasuresEveryPartOnOneThreadAndOnAll) {
  const RoofReport report = MeasureRoof(Small(2));
  EXPECT_EQ(report.threads, 2);
  // For each type two numbers of rows, one thread and two; and side by side.
  ASSERT_EQ(report.gemm.size(), 5 * NumTypes());
  EXPECT_EQ(report.gemm[0].dtype, "float32");
  for (const RoofReport::Gemm& row : report.gemm) {
    EXPECT_GT(row.gflops, 0);
    ASSERT_EQ(row.products.size(), 4u);
    EXPECT_EQ(row.products[1].first, "output");
    for (const auto& [name, gflops] : row.products) EXPECT_GT(gflops, 0) << name;
  }
  EXPECT_TRUE(report.gemm.back().side_by_side);
  EXPECT_EQ(report.gemm.back().threads, 2);
  ASSERT_EQ(report.attention.size(), 2u);
  for (const RoofReport::Attention& row : report.attention) EXPECT_GT(row.gflops, 0);
  ASSERT_EQ(report.memory.size(), 2u);
  for (const RoofReport::Memory& row : report.memory) EXPECT_GT(row.gigabytes_per_second, 0);
  ASSERT_EQ(report.peaks.size(), 2 * cpu::PeakLoops().size());
  EXPECT_EQ(report.peaks[0].dtype, "float32");
}

TEST(Roof, OnOneThreadThereIsNothingSideBySide) {
  const RoofReport report = MeasureRoof(Small(1));
  EXPECT_EQ(report.gemm.size(), 2 * NumTypes());
  for (const RoofReport::Gemm& row : report.gemm) EXPECT_FALSE(row.side_by_side);
  EXPECT_EQ(report.peaks.size(), cpu::PeakLoops().size());
}

TEST(Roof, EndsWhenAsked) {
  RoofOptions options;  // the whole of it
  std::stop_source source;
  source.request_stop();
  options.stop = source.get_token();
  EXPECT_THAT(test::Thrown([&] { return MeasureRoof(options); }),
              testing::StartsWith("cancelled: interrupted"));
}

TEST(PeakLoops, CountTheirOperations) {
  std::set<std::string_view> dtypes;
  for (const cpu::PeakLoop& loop : cpu::PeakLoops()) {
    EXPECT_TRUE(dtypes.insert(loop.dtype).second) << loop.dtype;
    const int64_t one = loop.run(1);
    EXPECT_GT(one, 0) << loop.instruction;
    EXPECT_EQ(loop.run(1000), 1000 * one) << loop.instruction;
  }
  EXPECT_TRUE(dtypes.contains("float32"));
}

TEST(PeakLoops, TheSumReadsEveryValue) {
  for (const size_t n : {0u, 1u, 5u, 192u, 1000u}) {
    std::vector<float> values(n);
    std::iota(values.begin(), values.end(), 1.0f);
    EXPECT_EQ(cpu::ReadSum(values), static_cast<float>(n * (n + 1) / 2)) << n;
  }
}

TEST(BestTime, IsThatOfTheFastestTrial) {
  int trial = 0;
  const double best = BestRoundSeconds(0.1, [&](int64_t rounds) {
    ++trial;
    return static_cast<double>(rounds) * (trial == 2 ? 0.001 : 0.002);
  });
  EXPECT_DOUBLE_EQ(best, 0.001);
  EXPECT_GT(trial, 2);
}

TEST(BestTime, OneLongRoundIsEnough) {
  int trials = 0;
  EXPECT_EQ(BestRoundSeconds(0.1, [&](int64_t) { return ++trials, 1.5; }), 1.5);
  EXPECT_EQ(trials, 1);
}

TEST(BestTime, GivesEachThreadOnePart) {
  ThreadPool pool(3);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<std::thread::id> threads(3);
    EXPECT_GE(
        TimeTogether(
            pool, [&](int64_t i) { threads[static_cast<size_t>(i)] = std::this_thread::get_id(); }),
        0);
    EXPECT_EQ(std::set<std::thread::id>(threads.begin(), threads.end()).size(), 3u);
  }
}

}  // namespace
}  // namespace bge
