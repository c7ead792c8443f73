#include "bench/roof.h"

#include "bge/embedder.h"

#include "base/cpu_limits.h"
#include "base/error.h"
#include "base/parallel.h"
#include "bench/best_time.h"
#include "bench/gemm_roof.h"
#include "bench/random_floats.h"
#include "kernels/backend.h"
#include "kernels/cpu/roof.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <memory>
#include <span>

namespace bge {

namespace {

constexpr double kPeakSeconds = 0.05;
constexpr double kAttentionSeconds = 0.02;
constexpr int64_t kPeakRounds = 100'000;
constexpr int64_t kHeads = 12;
constexpr int64_t kSideBySideRows = 512;
// Four times the caches: what is left in them of the pass before is then little.
constexpr int64_t kCachesOver = 4;
constexpr int64_t kLeastMemoryBytes = 512'000'000;
constexpr int kMemoryTrials = 5;
constexpr int64_t kMemoryTrialBytes = 250'000'000;  // read in each: 4 ms and more

void CheckStop(const RoofOptions& options) {
  if (!options.stop.stop_requested()) return;
  Fail(ErrorCode::kCancelled, "interrupted", "the measurement", "run the command again");
}

// The pools to measure with: of one thread, and of all where that is more.
std::vector<std::unique_ptr<ThreadPool>> MakePools(int threads) {
  std::vector<std::unique_ptr<ThreadPool>> pools;
  pools.push_back(std::make_unique<ThreadPool>(1));
  if (threads > 1) pools.push_back(std::make_unique<ThreadPool>(threads));
  return pools;
}

double PeakRate(const cpu::PeakLoop& loop, ThreadPool& pool) {
  const int64_t operations = loop.run(1);
  const double seconds = BestRoundSeconds(kPeakSeconds, [&](int64_t rounds) {
    return TimeTogether(pool, [&](int64_t) { loop.run(rounds * kPeakRounds); });
  });
  return 1e-9 * static_cast<double>(operations * kPeakRounds * pool.threads()) / seconds;
}

void MeasureGemm(const RoofOptions& options, ComputeType type, const RoofOptions::Model& model,
                 std::span<const std::unique_ptr<ThreadPool>> pools, RoofReport* report) {
  GemmRoof roof(CpuBackend(), type, model.hidden_size, model.intermediate_size);
  const auto add = [&](ThreadPool& pool, int64_t rows, bool side_by_side, const GemmRate& rate) {
    RoofReport::Gemm row = {.dtype = std::string(ComputeTypeName(type)),
                            .model = model,
                            .rows = rows,
                            .threads = pool.threads(),
                            .side_by_side = side_by_side,
                            .gflops = rate.all,
                            .products = {}};
    for (size_t i = 0; i < kGemmNames.size(); ++i) {
      row.products.emplace_back(kGemmNames[i], rate.each[i]);
    }
    report->gemm.push_back(std::move(row));
  };
  for (const auto& pool : pools) {
    for (const int64_t rows : options.rows) {
      CheckStop(options);
      add(*pool, rows, false, roof.Shared(*pool, rows));
    }
    if (pool->threads() == 1) continue;  // the same as sharing
    CheckStop(options);
    add(*pool, kSideBySideRows, true, roof.SideBySide(*pool, kSideBySideRows));
  }
}

double AttentionRate(const RoofOptions& options, int64_t head_dim, int64_t seqlen,
                     ThreadPool& pool) {
  const int64_t h = kHeads * head_dim;
  const int64_t n = std::max<int64_t>(1, options.attention_tokens * pool.threads() / seqlen);
  const std::vector<float> qkv = RandomFloats(n * seqlen * 3 * h);
  const std::vector<float> bias = RandomFloats(3 * h);
  std::vector<float> out(static_cast<size_t>(n * seqlen * h));
  std::vector<int32_t> cu_seqlens;
  for (int64_t i = 0; i <= n; ++i) cu_seqlens.push_back(static_cast<int32_t>(i * seqlen));
  Workspace workspace;
  const OpContext context = {.pool = pool, .workspace = workspace};
  const double seconds = BestRoundSeconds(kAttentionSeconds, [&](int64_t rounds) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t r = 0; r < rounds; ++r) {
      CpuBackend().VarlenAttention(context, {qkv.data(), n * seqlen, 3 * h}, bias, cu_seqlens,
                                   {kHeads, 1.0f / std::sqrt(static_cast<float>(head_dim))},
                                   ComputeType::kFloat32, Matrix(out.data(), n * seqlen, h));
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  });
  return 4e-9 * static_cast<double>(n * seqlen * seqlen * h) / seconds;
}

int64_t BeyondCaches() {
  const int64_t wanted = std::max(kLeastMemoryBytes, kCachesOver * TotalL3Bytes());
  const int64_t available = AvailableMemoryBytes();
  return available > 0 ? std::min(wanted, available / 4) : wanted;
}

// Every thread reads a part of its own, which it has written itself: it then lies in the memory of
// its own socket.
double ReadRate(int64_t bytes, ThreadPool& pool) {
  using Clock = std::chrono::steady_clock;
  const auto threads = static_cast<size_t>(pool.threads());
  const size_t part = static_cast<size_t>(bytes) / sizeof(float) / threads;
  const std::unique_ptr<float[]> memory(new float[part * threads]);  // not yet touched
  struct Trial {
    Clock::time_point begin;
    Clock::time_point end;
  };
  std::vector<std::vector<Trial>> trials(threads, std::vector<Trial>(kMemoryTrials));
  std::barrier together(static_cast<std::ptrdiff_t>(threads));
  const int64_t rounds = std::max<int64_t>(1, kMemoryTrialBytes / bytes);
  // No thread takes a second part: each waits for the others within its first.
  pool.ParallelForEach(static_cast<int64_t>(threads), [&](int64_t i) {
    const std::span<float> own(memory.get() + static_cast<size_t>(i) * part, part);
    FillRandom(own);
    float sum = 0;
    for (Trial& trial : trials[static_cast<size_t>(i)]) {
      together.arrive_and_wait();
      trial.begin = Clock::now();
      for (int64_t r = 0; r < rounds; ++r) sum += cpu::ReadSum(own);
      trial.end = Clock::now();
    }
    own[0] = sum;  // somebody may look at it
  });
  double best = 0;
  for (size_t t = 0; t < kMemoryTrials; ++t) {
    Trial all = trials[0][t];
    for (const std::vector<Trial>& of_thread : trials) {
      all.begin = std::min(all.begin, of_thread[t].begin);
      all.end = std::max(all.end, of_thread[t].end);
    }
    const double seconds = std::chrono::duration<double>(all.end - all.begin).count();
    const auto read =
        static_cast<double>(part * sizeof(float) * threads) * static_cast<double>(rounds);
    best = std::max(best, 1e-9 * read / seconds);
  }
  return best;
}

}  // namespace

RoofReport MeasureRoof(const RoofOptions& options) {
  RoofReport report;
  const LoadWatch watch;
  report.machine = DescribeMachine();
  report.threads = options.threads > 0 ? options.threads : DefaultThreads();
  const auto pools = MakePools(report.threads);

  for (const cpu::PeakLoop& loop : cpu::PeakLoops()) {
    for (const auto& pool : pools) {
      CheckStop(options);
      report.peaks.push_back({std::string(loop.dtype), std::string(loop.instruction),
                              pool->threads(), PeakRate(loop, *pool)});
    }
  }
  for (const ComputeType type :
       {ComputeType::kFloat32, ComputeType::kBFloat16, ComputeType::kInt8}) {
    if (!CpuBackend().Supports(type)) continue;
    for (const RoofOptions::Model& model : options.models) {
      MeasureGemm(options, type, model, pools, &report);
    }
  }
  for (const int64_t head_dim : options.head_dims) {
    for (const auto& pool : pools) {
      for (const int64_t seqlen : options.seqlens) {
        CheckStop(options);
        report.attention.push_back({"float32", head_dim, seqlen, pool->threads(),
                                    AttentionRate(options, head_dim, seqlen, *pool)});
      }
    }
  }
  for (const int64_t bytes : options.memory_bytes) {
    const int64_t chosen = bytes > 0 ? bytes : BeyondCaches();
    for (const auto& pool : pools) {
      CheckStop(options);
      report.memory.push_back({chosen, pool->threads(), ReadRate(chosen, *pool)});
    }
  }
  report.load = watch.Stop();
  return report;
}

}  // namespace bge
