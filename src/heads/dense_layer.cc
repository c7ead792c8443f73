#include "heads/dense_layer.h"

#include "base/error.h"
#include "weights/weight_source.h"

#include <array>
#include <string>
#include <string_view>

namespace bge {

namespace {

// Rows of a matrix whose module does not say how many.
int64_t RowsOf(const PrefixedWeights& weights, const DenseModule& module) {
  constexpr int64_t kMostOutputs = 1 << 16;
  const int64_t rows = weights.GetRank("linear.weight", 2).shape[0];
  if (rows < 1 || rows > kMostOutputs) {
    Fail(ErrorCode::kCorruptData, "a projection of a strange size",
         weights.source().FileOf("linear.weight") + " in " + module.dir.string() +
             ": linear.weight: found " + std::to_string(rows) + " rows, expected 1 to " +
             std::to_string(kMostOutputs),
         "download the file again");
  }
  return rows;
}

}  // namespace

DenseLayer::DenseLayer(const DenseModule& module, const Backend& backend)
    : backend_(backend), activation_(module.activation), residual_(module.residual) {
  const PrefixedWeights weights(OpenWeights(module.dir), "linear.weight");
  const int64_t outputs = module.out_features > 0 ? module.out_features : RowsOf(weights, module);
  const auto prepare = [&](std::string_view name) {
    const std::array part = {weights.Get(name, Shape{outputs, module.in_features})};
    num_parameters_ += outputs * module.in_features;
    auto prepared = backend_.PrepareLinear(part, ComputeType::kFloat32);
    if (prepared->owned_bytes() > 0) weights.source().Release(part[0]);
    return prepared;
  };
  file_ = weights.shared_source();
  for (const std::string& file : weights.source().Files()) files_.push_back(module.dir / file);
  linear_ = prepare("linear.weight");
  if (module.bias) {
    bias_ = weights.GetVector("linear.bias", outputs);
    num_parameters_ += outputs;
  }
  if (module.residual && module.in_features != outputs) {
    residual_linear_ = prepare("residual.weight");
  }
}

Matrix DenseLayer::Run(const OpContext& context, ConstMatrix x) const {
  const Matrix y = context.workspace.NewMatrix(x.rows, out_features());
  backend_.Linear(context, x, *linear_, {bias_, activation_}, y);
  if (!residual_) return y;
  ConstMatrix residual = x;
  if (residual_linear_ != nullptr) {
    const Matrix projected = context.workspace.NewMatrix(y.rows, y.cols);
    backend_.Linear(context, x, *residual_linear_, {}, projected);
    residual = projected;
  }
  for (int64_t r = 0; r < y.rows; ++r) {
    for (int64_t c = 0; c < y.cols; ++c) y.row(r)[c] += residual.row(r)[c];
  }
  return y;
}

}  // namespace bge
