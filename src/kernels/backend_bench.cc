// Speed of the cpu backend's ops on one thread, against the measured peak of its multiply-add
// units. Rates are per CPU time, so that a busy machine disturbs them little.
//   backend_bench --benchmark_filter=Attention
#include "kernels/backend.h"
#include "kernels/cpu/roof.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <random>

namespace bge {
namespace {

std::vector<float> Normal(int64_t n) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = normal(random);
  return values;
}

struct Bench {
  ThreadPool pool{1};
  Workspace workspace;
  OpContext context{pool, workspace};
  const Backend& cpu = CpuBackend();
};

void ReportFlops(benchmark::State& state, double flops) {
  const double gflops = flops * 1e-9 * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(gflops, benchmark::Counter::kIsRate);
  state.counters["%peak"] =
      benchmark::Counter(100.0 * gflops / cpu::FmaPeakGflops(), benchmark::Counter::kIsRate);
}

void ReportBytes(benchmark::State& state, double bytes, double elements) {
  const double n = static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9 * n, benchmark::Counter::kIsRate);
  state.counters["ns/element"] = benchmark::Counter(
      elements * 1e-9 * n, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Rows M, then N and K of the weight.
void BM_Linear(benchmark::State& state) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  const int64_t k = state.range(2);
  Bench bench;
  std::vector<float> x = Normal(m * k);
  const std::vector<float> w = Normal(n * k);
  std::vector<float> y(static_cast<size_t>(m * n));
  const TensorView parts[] = {{w.data(), DType::kF32, {n, k}}};
  const auto prepared = bench.cpu.PrepareLinear(parts, ComputeType::kFloat32);
  for (auto _ : state) {
    bench.cpu.Linear(bench.context, Matrix(x.data(), m, k), *prepared, {}, Matrix(y.data(), m, n));
  }
  ReportFlops(state, 2.0 * static_cast<double>(m * n * k));
}
void LinearShapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"M", "N", "K"});
  for (const int64_t h : {384, 768, 1024}) {
    for (const int64_t m : {1, 2, 4, 6, 8, 12, 16, 24, 31, 32, 48, 64, 128, 512}) {
      if (h != 384 && m != 1 && m != 12 && m != 64 && m != 512) continue;
      b->Args({m, 3 * h, h})->Args({m, h, h})->Args({m, 4 * h, h})->Args({m, h, 4 * h});
    }
  }
}
BENCHMARK(BM_Linear)->Apply(LinearShapes);

// A layer of M rows, multiplied in a narrower type (1 bfloat16, 2 int8), whose results are float32
// or of that type, through a GELU or not.
void BM_LinearNarrow(benchmark::State& state) {
  const int64_t m = state.range(5);
  const int64_t n = state.range(0);
  const int64_t k = state.range(1);
  const auto type = state.range(2) == 1 ? ComputeType::kBFloat16 : ComputeType::kInt8;
  const bool narrow = state.range(3) != 0;
  const Activation activation = state.range(4) != 0 ? Activation::kGeluErf : Activation::kIdentity;
  Bench bench;
  std::vector<float> x = Normal(m * k);
  const std::vector<float> w = Normal(n * k);
  const std::vector<float> bias = Normal(n);
  std::vector<float> y(static_cast<size_t>(m * n));
  const TensorView parts[] = {{w.data(), DType::kF32, {n, k}}};
  const auto prepared = bench.cpu.PrepareLinear(parts, type);
  const Operand operand = NewOperand(bench.workspace, type, m, k);
  bench.cpu.ToOperand(bench.context, Matrix(x.data(), m, k), operand);
  const Operand out =
      narrow ? NewOperand(bench.workspace, type, m, n) : Operand(Matrix(y.data(), m, n));
  for (auto _ : state) {
    bench.cpu.Linear(bench.context, operand, *prepared, {bias, activation}, out);
  }
  ReportFlops(state, 2.0 * static_cast<double>(m * n * k));
}
BENCHMARK(BM_LinearNarrow)
    ->ArgNames({"N", "K", "type", "narrow", "gelu", "M"})
    ->ArgsProduct({{1536, 3072, 4096}, {384, 768, 1024}, {1, 2}, {0, 1}, {0, 1}, {512}})
    ->ArgsProduct({{384, 768}, {384, 768, 1536, 3072}, {1, 2}, {0}, {0}, {1, 12, 512}});

// Sequences of S tokens, A heads of D: 4 S^2 A D operations each. bf16: 1 of floats, 2 of keys and
// values that are rounded already, 3 of queries too.
void BM_Attention(benchmark::State& state) {
  const int64_t s = state.range(0);
  const int64_t head_dim = state.range(1);
  const int64_t rounded = state.range(2);
  const auto type = rounded == 0 ? ComputeType::kFloat32 : ComputeType::kBFloat16;
  const int64_t num_heads = 12;
  const int64_t h = num_heads * head_dim;
  const int64_t n = std::max<int64_t>(1, 512 / s);
  Bench bench;
  const std::vector<float> qkv = Normal(n * s * 3 * h);
  const std::vector<float> bias = Normal(3 * h);
  std::vector<float> out(static_cast<size_t>(n * s * h));
  std::vector<int32_t> cu_seqlens;
  for (int64_t i = 0; i <= n; ++i) cu_seqlens.push_back(static_cast<int32_t>(i * s));
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  const ConstMatrix all(qkv.data(), n * s, 3 * h);
  ConstOperand q = all.Columns(0, h);
  ConstOperand keys_values = all.Columns(h, 2 * h);
  if (rounded >= 2 && bench.cpu.AttentionInputType(type) != ComputeType::kFloat32) {
    const Operand kv = NewOperand(bench.workspace, type, n * s, 2 * h);
    bench.cpu.ToOperand(bench.context, all.Columns(h, 2 * h), kv);
    keys_values = kv;
    if (rounded == 3) {
      const Operand queries = NewOperand(bench.workspace, type, n * s, h);
      bench.cpu.ToOperand(bench.context, all.Columns(0, h), queries);
      q = queries;
    }
  }
  for (auto _ : state) {
    bench.cpu.VarlenAttention(bench.context, q, keys_values, bias, cu_seqlens, {num_heads, scale},
                              type, Matrix(out.data(), n * s, h));
  }
  ReportFlops(state, 4.0 * static_cast<double>(n * s * s * h));
}
BENCHMARK(BM_Attention)
    ->ArgNames({"S", "D", "bf16"})
    ->ArgsProduct({{4, 8, 12, 16, 24, 32, 64, 128, 200, 256, 512, 2048}, {32, 64}, {0, 1, 2, 3}});

// One sequence of S tokens, 12 heads of 64, a window of 64 tokens each way: the operations that
// count are those of pairs that see each other.
void BM_WindowAttention(benchmark::State& state) {
  const int64_t s = state.range(0);
  const auto type = state.range(1) == 0 ? ComputeType::kFloat32 : ComputeType::kBFloat16;
  const AttentionOptions attention = {12, 0.125f, 64};
  const int64_t h = 12 * 64;
  Bench bench;
  const std::vector<float> qkv = Normal(s * 3 * h);
  std::vector<float> out(static_cast<size_t>(s * h));
  const std::vector<int32_t> cu_seqlens = {0, static_cast<int32_t>(s)};
  for (auto _ : state) {
    bench.cpu.VarlenAttention(bench.context, {qkv.data(), s, 3 * h}, {}, cu_seqlens, attention,
                              type, Matrix(out.data(), s, h));
  }
  ReportFlops(state, 4.0 * static_cast<double>(attention.NumPairs(0, s) * h));
}
BENCHMARK(BM_WindowAttention)
    ->ArgNames({"S", "bf16"})
    ->ArgsProduct({{128, 512, 2048, 8192}, {0, 1}});

void BM_GeluErf(benchmark::State& state) {
  const int64_t cols = state.range(0);
  Bench bench;
  const std::vector<float> from = Normal(128 * cols);
  std::vector<float> x = from;
  const std::vector<float> bias(static_cast<size_t>(cols), 0.01f);
  for (auto _ : state) {
    bench.cpu.BiasActivation(bench.context, {x.data(), 128, cols}, bias, Activation::kGeluErf);
  }
  ReportBytes(state, 8.0 * static_cast<double>(128 * cols), static_cast<double>(128 * cols));
}
BENCHMARK(BM_GeluErf)->ArgName("cols")->Arg(1536)->Arg(3072)->Arg(4096);

void BM_AddBiasLayerNorm(benchmark::State& state) {
  const int64_t h = state.range(0);
  const int64_t rows = 128;
  Bench bench;
  const std::vector<float> x = Normal(rows * h);
  std::vector<float> residual = x;
  const std::vector<float> bias = Normal(h);
  const std::vector<float> ones(static_cast<size_t>(h), 1.0f);
  for (auto _ : state) {
    bench.cpu.AddBiasLayerNorm(bench.context, {x.data(), rows, h}, bias, {residual.data(), rows, h},
                               ones, ones, 1e-12f, {residual.data(), rows, h}, {});
  }
  ReportBytes(state, 12.0 * static_cast<double>(rows * h), static_cast<double>(rows * h));
}
BENCHMARK(BM_AddBiasLayerNorm)->ArgName("H")->Arg(384)->Arg(768)->Arg(1024);

void BM_MeanPool(benchmark::State& state) {
  const int64_t s = state.range(0);
  Bench bench;
  const std::vector<float> hidden = Normal(s * 384);
  std::vector<float> out(384);
  const PoolRange range[] = {{0, 0, s}};
  for (auto _ : state) {
    bench.cpu.Pool(bench.context, {hidden.data(), s, 384}, range, Pooling::kMean,
                   {out.data(), 1, 384});
  }
  ReportBytes(state, 4.0 * static_cast<double>(s * 384), static_cast<double>(s * 384));
}
BENCHMARK(BM_MeanPool)->ArgName("S")->Arg(16)->Arg(128)->Arg(512);

// Q queries over R rows of 384: the flat scan.
void BM_DotProducts(benchmark::State& state) {
  const int64_t q = state.range(0);
  const int64_t r = state.range(1);
  Bench bench;
  const std::vector<float> queries = Normal(q * 384);
  const std::vector<float> rows = Normal(r * 384);
  std::vector<float> scores(static_cast<size_t>(q * r));
  for (auto _ : state) {
    bench.cpu.DotProducts(bench.context, {queries.data(), q, 384}, {rows.data(), r, 384},
                          {scores.data(), q, r});
  }
  ReportFlops(state, 2.0 * static_cast<double>(q * r * 384));
  state.counters["GB/s"] = benchmark::Counter(
      4e-9 * static_cast<double>(r * 384) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}
BENCHMARK(BM_DotProducts)->ArgNames({"Q", "R"})->ArgsProduct({{1, 8, 100}, {5000, 100000}});

}  // namespace
}  // namespace bge

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("peak of one thread, GFLOP/s",
                              std::to_string(bge::cpu::FmaPeakGflops()));
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
