#include "bench/model_speed.h"

#include "base/error.h"
#include "base/parallel.h"
#include "bench/gemm_roof.h"
#include "bench/profiling_backend.h"
#include "bench/statistics.h"
#include "kernels/backend.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace bge {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kWarmUpQueries = 10;
constexpr int64_t kRoofRows = 512;
// The first warms up what is new in the second engine: its memory, and the weights' copies.
constexpr int kProfilePasses = 2;

constexpr std::pair<Stage, std::string_view> kStages[] = {
    {Stage::kEmbed, "embed"},      {Stage::kQkv, "qkv"},      {Stage::kAttention, "attention"},
    {Stage::kOutput, "output"},    {Stage::kFfnUp, "ffn_up"}, {Stage::kActivation, "activation"},
    {Stage::kFfnDown, "ffn_down"}, {Stage::kNorms, "norms"},  {Stage::kRounding, "rounding"},
    {Stage::kPool, "pool"}};

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

double Best(const std::vector<double>& seconds) {
  return *std::min_element(seconds.begin(), seconds.end());
}

// Milliseconds of `count` queries, one after another.
std::vector<double> TimeQueries(const MeasuredModel& model, int64_t count) {
  std::vector<double> times_ms;
  for (int64_t i = -kWarmUpQueries; i < count; ++i) {
    const Clock::time_point start = Clock::now();
    model.Query();
    if (i >= 0) times_ms.push_back(1e3 * Seconds(start));
  }
  return times_ms;
}

Latency LatencyOf(const std::vector<double>& times_ms) {
  return {.queries = static_cast<int64_t>(times_ms.size()),
          .p50_ms = Percentile(times_ms, 0.50),
          .p95_ms = Percentile(times_ms, 0.95),
          .p99_ms = Percentile(times_ms, 0.99)};
}

void MeasureConcurrent(const MeasuredModel& model, const ModelSpeedOptions& options,
                       ModelSpeed* speed) {
  const int64_t each = (options.queries + options.callers - 1) / options.callers;
  std::mutex mu;
  std::vector<double> times_ms;
  std::exception_ptr error;
  const Clock::time_point start = Clock::now();
  {
    std::vector<std::jthread> callers;
    callers.reserve(static_cast<size_t>(options.callers));
    for (int i = 0; i < options.callers; ++i) {
      callers.emplace_back([&] {
        try {
          const std::vector<double> own = TimeQueries(model, each);
          const std::lock_guard lock(mu);
          times_ms.insert(times_ms.end(), own.begin(), own.end());
        } catch (...) {
          const std::lock_guard lock(mu);
          error = std::current_exception();
        }
      });
    }
  }
  if (error) std::rethrow_exception(error);
  speed->concurrent = LatencyOf(times_ms);
  // The warm-up's queries are answered in this time too.
  speed->concurrent_queries_per_s =
      static_cast<double>((each + kWarmUpQueries) * options.callers) / Seconds(start);
}

// Everything that is measured on the engine as it is.
void MeasureAsUsed(std::span<const std::string_view> texts, const ModelSpeedOptions& options,
                   ModelSpeed* speed) {
  const Clock::time_point before_load = Clock::now();
  const auto model = LoadMeasuredModel(options.model, texts, CpuBackend());
  speed->load_ms = 1e3 * Seconds(before_load);
  model->Query();
  speed->first_vector_ms = 1e3 * Seconds(before_load);
  speed->model = model->info();
  speed->threads = model->threads();
  speed->query_tokens = model->query_tokens();

  model->MakeRoom();
  for (int64_t i = 0; i < options.repeat; ++i) {
    const Clock::time_point start = Clock::now();
    speed->work = model->Pass();
    speed->pass_seconds.push_back(Seconds(start));
  }
  speed->peak_bytes = PeakResidentBytes();
  const auto per_second = [](int64_t count, double seconds) {
    return static_cast<double>(count) / std::max(seconds, 1e-9);
  };
  const double best = Best(speed->pass_seconds);
  const double median = Median(speed->pass_seconds);
  speed->docs_per_s = per_second(speed->work.texts, best);
  speed->docs_per_s_median = per_second(speed->work.texts, median);
  speed->first_pass_docs_per_s = per_second(speed->work.texts, speed->pass_seconds.front());
  speed->tokens_per_s = per_second(speed->work.tokens, best);
  speed->tokens_per_s_median = per_second(speed->work.tokens, median);

  speed->alone = LatencyOf(TimeQueries(*model, options.queries));
  MeasureConcurrent(*model, options, speed);
}

// The faster of some passes with a clock around every operation.
void MeasureStages(std::span<const std::string_view> texts, const ModelSpeedOptions& options,
                   ModelSpeed* speed) {
  ProfilingBackend backend(CpuBackend());
  MeasuredModelOptions load_options = options.model;
  load_options.embedder.on_warning = {};  // given at the first load
  load_options.reranker.on_warning = {};
  const auto model = LoadMeasuredModel(load_options, texts, backend);
  model->MakeRoom();
  int64_t text_bytes = 0;
  for (const std::string_view text : texts) text_bytes += static_cast<int64_t>(text.size());
  for (int pass = 0; pass < kProfilePasses; ++pass) {
    // Tokenising by itself, as in a call it runs beside the computing.
    const Clock::time_point before_tokens = Clock::now();
    const int64_t tokens = model->CountTokens();
    const double tokenize_seconds = Seconds(before_tokens);
    backend.Reset();
    const Clock::time_point start = Clock::now();
    static_cast<void>(model->Pass());
    const double seconds = Seconds(start);
    if (pass > 0 && seconds >= speed->profile_seconds) continue;

    const auto threads = static_cast<double>(model->threads());
    speed->profile_seconds = seconds;
    speed->stages.clear();
    double other = seconds * threads;
    const auto add = [&](std::string_view name, const StageCost& cost) {
      StageSpeed stage = {.name = std::string(name),
                          .thread_seconds = cost.thread_seconds,
                          .share = cost.thread_seconds / (seconds * threads),
                          .calls = cost.calls,
                          .bytes = cost.bytes,
                          .flops = cost.flops};
      if (cost.thread_seconds > 0) {
        stage.gflops = 1e-9 * static_cast<double>(cost.flops) * threads / cost.thread_seconds;
      }
      speed->stages.push_back(std::move(stage));
      other -= cost.thread_seconds;
    };
    // Texts in, ids and type ids out. What was measured by itself is at most what the stages leave.
    double stages_seconds = backend.cost(Stage::kUnlabelled).thread_seconds;
    for (const auto& [stage, name] : kStages) stages_seconds += backend.cost(stage).thread_seconds;
    const double left = std::max(0.0, other - stages_seconds);
    const auto token_bytes = static_cast<int64_t>(2 * sizeof(int32_t)) * tokens;
    add("tokenize", {.calls = 1,
                     .thread_seconds = std::min(tokenize_seconds, left),
                     .flops = 0,
                     .bytes = text_bytes + token_bytes});
    for (const auto& [stage, name] : kStages) add(name, backend.cost(stage));
    StageCost rest = backend.cost(Stage::kUnlabelled);
    rest.thread_seconds = std::max(0.0, other);  // rounding may leave less than nothing
    add("other", rest);
  }
}

void MeasureRates(ModelSpeed* speed) {
  double linear = 0;
  double attention = 0;
  for (const StageSpeed& stage : speed->stages) {
    (stage.name == "attention" ? attention : linear) += static_cast<double>(stage.flops);
  }
  const double best = std::max(Best(speed->pass_seconds), 1e-9);
  speed->gflops = 1e-9 * linear / best;
  speed->gflops_with_attention = 1e-9 * (linear + attention) / best;

  const ComputeType type = speed->model.compute_type;
  speed->dtype = ComputeTypeName(type);
  ThreadPool pool(speed->threads);
  GemmRoof roof(CpuBackend(), type, speed->model.hidden_size, speed->model.intermediate_size);
  speed->roof_gflops = roof.SideBySide(pool, kRoofRows).all;
}

}  // namespace

ModelSpeed MeasureModel(std::span<const std::string_view> texts, const ModelSpeedOptions& options) {
  ModelSpeed speed;
  const LoadWatch watch;
  speed.machine = DescribeMachine();
  speed.callers = options.callers;
  MeasureAsUsed(texts, options, &speed);
  MeasureStages(texts, options, &speed);
  if (options.model.encode.stop.stop_requested()) {
    Fail(ErrorCode::kCancelled, "interrupted", "the measurement", "run the command again");
  }
  MeasureRates(&speed);
  speed.load = watch.Stop();
  return speed;
}

}  // namespace bge
