// out = LayerNorm((x + bias) + residual), row by row.
#include "kernels/ref/layer_norm.h"

#include "kernels/ref/ops.h"

#include <cmath>
#include <vector>

namespace bge::ref {

void LayerNormRow(std::span<const double> row, std::span<const float> gamma,
                  std::span<const float> beta, float epsilon, float* out) {
  const double size = static_cast<double>(row.size());
  double mean = 0.0;
  for (const double v : row) mean += v;
  mean /= size;
  double variance = 0.0;
  for (const double v : row) variance += (v - mean) * (v - mean);
  variance /= size;
  const double inverse_deviation = 1.0 / std::sqrt(variance + static_cast<double>(epsilon));
  for (size_t h = 0; h < row.size(); ++h) {
    out[h] =
        static_cast<float>((row[h] - mean) * inverse_deviation * static_cast<double>(gamma[h]) +
                           static_cast<double>(beta[h]));
  }
}

void AddBiasLayerNorm(ConstMatrix x, std::span<const float> bias, ConstMatrix residual,
                      std::span<const float> gamma, std::span<const float> beta, float epsilon,
                      Matrix out) {
  std::vector<double> sum(static_cast<size_t>(x.cols));
  for (int64_t t = 0; t < x.rows; ++t) {
    for (size_t h = 0; h < sum.size(); ++h) {
      sum[h] = static_cast<double>(x.row(t)[h]);
      if (!bias.empty()) sum[h] += static_cast<double>(bias[h]);
      if (residual.data != nullptr) sum[h] += static_cast<double>(residual.row(t)[h]);
    }
    LayerNormRow(sum, gamma, beta, epsilon, out.row(t));
  }
}

void ResidualLayerNorm(ConstMatrix y, std::span<const float> bias, std::span<const float> gamma,
                       std::span<const float> beta, float epsilon, Matrix x,
                       const Operand& normalized) {
  Workspace workspace;
  const bool narrow = normalized.type != ComputeType::kFloat32;
  const Matrix out = narrow ? workspace.NewMatrix(x.rows, x.cols) : normalized.matrix();
  for (int64_t t = 0; y.data != nullptr && t < x.rows; ++t) {
    for (int64_t h = 0; h < x.cols; ++h) {
      const float b = bias.empty() ? 0.0f : bias[static_cast<size_t>(h)];
      x.row(t)[h] += y.row(t)[h] + b;
    }
  }
  AddBiasLayerNorm(x, {}, {}, gamma, beta, epsilon, out);
  if (narrow) ToOperand(out, normalized);
}

}  // namespace bge::ref
