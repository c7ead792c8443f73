#include "bench/gemm_roof.h"

#include "bench/best_time.h"
#include "bench/random_floats.h"

#include <algorithm>
#include <chrono>

namespace bge {

namespace {

constexpr double kBudgetSeconds = 0.02;  // for each product
constexpr int64_t kWeightBytes = 80'000'000;
// From so many rows on a product takes longer than reading its weights from anywhere.
constexpr int64_t kManyRows = 512;

}  // namespace

GemmRoof::GemmRoof(const Backend& backend, ComputeType type, int64_t hidden_size,
                   int64_t intermediate_size)
    : backend_(backend), type_(type) {
  const int64_t h = hidden_size;
  const int64_t f = intermediate_size;
  const int64_t layer_bytes = (4 * h * h + 2 * h * f) * OperandElementBytes(type);
  const int64_t layers = std::clamp<int64_t>((kWeightBytes - 1) / layer_bytes + 1, 1, 24);
  const std::array<std::array<int64_t, 2>, 4> shapes = {{{3 * h, h}, {h, h}, {f, h}, {h, f}}};
  for (size_t i = 0; i < shapes.size(); ++i) {
    Product& product = products_[i];
    product.n = shapes[i][0];
    product.k = shapes[i][1];
    widest_in_ = std::max(widest_in_, product.k);
    widest_out_ = std::max(widest_out_, product.n);
    for (int64_t layer = 0; layer < layers; ++layer) {
      product.weights.push_back(RandomFloats(product.n * product.k));
      const std::array part = {
          TensorView{product.weights.back().data(), DType::kF32, {product.n, product.k}}};
      product.prepared.push_back(backend.PrepareLinear(part, type));
    }
  }
}

void GemmRoof::MakeRoom(int64_t rows) {
  const auto in = static_cast<size_t>(rows * widest_in_);
  if (x_.size() < in) {
    x_.resize(in);
    FillRandom(x_);
  }
  y_.resize(std::max(y_.size(), static_cast<size_t>(rows * widest_out_)));
}

int64_t GemmRoof::LayersFor(int64_t rows) const {
  return rows < kManyRows ? static_cast<int64_t>(products_[0].prepared.size()) : 1;
}

ConstOperand GemmRoof::InputOf(const Product& product, const OpContext& context, int64_t rows) {
  const Matrix x(x_.data(), rows, product.k);
  if (type_ == ComputeType::kFloat32) return x;
  const Operand operand = NewOperand(context.workspace, type_, rows, product.k);
  backend_.ToOperand(context, x, operand);
  return operand;
}

GemmRate GemmRoof::Rate(double rows, const std::array<double, 4>& seconds) const {
  GemmRate rate;
  double all_gflop = 0;
  double all_seconds = 0;
  for (size_t i = 0; i < products_.size(); ++i) {
    const double gflop = 2e-9 * rows * static_cast<double>(products_[i].n * products_[i].k);
    rate.each[i] = gflop / seconds[i];
    all_gflop += gflop;
    all_seconds += seconds[i];
  }
  rate.all = all_gflop / all_seconds;
  return rate;
}

GemmRate GemmRoof::Shared(ThreadPool& pool, int64_t rows) {
  MakeRoom(rows);
  Workspace workspace;
  const OpContext context = {.pool = pool, .workspace = workspace};
  const int64_t layers = LayersFor(rows);
  std::array<double, 4> seconds = {};
  for (size_t i = 0; i < products_.size(); ++i) {
    const Product& product = products_[i];
    workspace.Reset();
    const ConstOperand x = InputOf(product, context, rows);
    const Matrix y(y_.data(), rows, product.n);
    const auto time_rounds = [&](int64_t rounds) {
      const auto start = std::chrono::steady_clock::now();
      for (int64_t r = 0; r < rounds * layers; ++r) {
        backend_.Linear(context, x, *product.prepared[static_cast<size_t>(r % layers)], {}, y);
      }
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    seconds[i] = BestRoundSeconds(kBudgetSeconds, time_rounds) / static_cast<double>(layers);
  }
  return Rate(static_cast<double>(rows), seconds);
}

GemmRate GemmRoof::SideBySide(ThreadPool& pool, int64_t rows) {
  const int64_t threads = pool.threads();
  MakeRoom(rows * threads);
  std::vector<Workspace> workspaces(static_cast<size_t>(threads));
  const int64_t layers = LayersFor(rows);
  std::array<double, 4> seconds = {};
  for (size_t i = 0; i < products_.size(); ++i) {
    const Product& product = products_[i];
    Workspace inputs;
    const ConstOperand all = InputOf(product, {.pool = pool, .workspace = inputs}, rows * threads);
    const auto time_rounds = [&](int64_t rounds) {
      return TimeTogether(pool, [&](int64_t thread) {
        const OpContext context = {.pool = pool,
                                   .workspace = workspaces[static_cast<size_t>(thread)]};
        const ConstOperand x = all.Rows(thread * rows, rows);
        const Matrix y(y_.data() + thread * rows * product.n, rows, product.n);
        for (int64_t r = 0; r < rounds * layers; ++r) {
          backend_.Linear(context, x, *product.prepared[static_cast<size_t>(r % layers)], {}, y);
        }
      });
    };
    seconds[i] = BestRoundSeconds(kBudgetSeconds, time_rounds) / static_cast<double>(layers);
  }
  return Rate(static_cast<double>(rows * threads), seconds);
}

}  // namespace bge
