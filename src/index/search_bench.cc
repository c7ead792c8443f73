// Speed of exact search, beside the speed at which this machine reads memory.
//
// GB/s counts the vectors once a call: with one query it should be near BM_ReadMemory's.
#include "index/search.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace bge::index {
namespace {

constexpr int64_t kRows = 200000;
constexpr int64_t kDimension = 384;

const std::vector<float>& Rows() {
  static const std::vector<float> rows = [] {
    std::vector<float> values(static_cast<size_t>(kRows * kDimension));
    std::minstd_rand random(1);
    std::uniform_real_distribution<float> uniform(-0.1f, 0.1f);
    for (float& v : values) v = uniform(random);
    return values;
  }();
  return rows;
}

// The roof: every byte of the rows is loaded once and added up.
void BM_ReadMemory(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const std::vector<float>& rows = Rows();
  constexpr int64_t kChunk = 1 << 18;  // 64-bit words
  const auto words = static_cast<int64_t>(rows.size() / 2);
  const char* bytes = reinterpret_cast<const char*>(rows.data());
  for (auto _ : state) {
    pool.ParallelForEach(words / kChunk, [&](int64_t chunk) {
      uint64_t sums[8] = {};
      for (int64_t i = 0; i < kChunk; i += 8) {
        uint64_t word[8];
        std::memcpy(word, bytes + (chunk * kChunk + i) * 8, sizeof(word));
        for (int j = 0; j < 8; ++j) sums[j] += word[j];
      }
      benchmark::DoNotOptimize(std::accumulate(sums, sums + 8, uint64_t{0}));
    });
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(rows.size() * 4));
}
BENCHMARK(BM_ReadMemory)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

void BM_Search(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const int64_t num_queries = state.range(1);
  const int64_t top_k = state.range(2);
  const std::vector<float>& rows = Rows();
  const ConstMatrix queries(rows.data() + 1000 * kDimension, num_queries, kDimension);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        SearchRows(CpuBackend(), pool, {rows.data(), kRows, kDimension}, queries, top_k));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(rows.size() * 4));
  state.counters["GFLOP/s"] = benchmark::Counter(
      2e-9 * static_cast<double>(state.iterations() * num_queries * kRows * kDimension),
      benchmark::Counter::kIsRate);
}
// The same rows in several ranges, with one row in a hundred deleted where deleted = 1: should cost
// what one range costs. The sizes halve, as the segments of an index do at most.
void BM_SearchSegments(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const std::vector<float>& rows = Rows();
  std::vector<RowRange> ranges;
  std::vector<DeletedRows> deleted;
  int64_t begin = 0;
  for (int64_t left = state.range(1); left > 0; --left) {
    const int64_t n = left > 1 ? (kRows - begin + 1) / 2 : kRows - begin;
    ranges.push_back({{rows.data() + begin * kDimension, n, kDimension}, nullptr});
    deleted.emplace_back(n);
    for (int64_t row = 0; row < n; row += 100) deleted.back().Insert(row);
    begin += n;
  }
  for (size_t i = 0; i < ranges.size() && state.range(2) != 0; ++i) ranges[i].deleted = &deleted[i];
  const ConstMatrix queries(rows.data() + 1000 * kDimension, state.range(3), kDimension);
  for (auto _ : state) {
    benchmark::DoNotOptimize(SearchRows(CpuBackend(), pool, ranges, queries, 10));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(rows.size() * 4));
}
BENCHMARK(BM_SearchSegments)
    ->ArgNames({"threads", "segments", "deleted", "queries"})
    ->ArgsProduct({{1, 2}, {1, 8, 16}, {0, 1}, {1, 8}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

BENCHMARK(BM_Search)
    ->ArgNames({"threads", "queries", "top_k"})
    ->Args({1, 1, 10})
    ->Args({2, 1, 10})
    ->Args({2, 1, 1000})
    ->Args({2, 8, 10})
    ->Args({2, 64, 10})
    ->Args({2, 64, 1000})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bge::index
