// x = activation(x + bias), and activation(a) * b: the formulas, in double.
#include "kernels/ref/ops.h"

#include <cmath>
#include <numbers>

namespace bge::ref {

namespace {

double Activate(double x, Activation activation) {
  switch (activation) {
    case Activation::kIdentity:
      return x;
    case Activation::kGeluErf:
      // As erfc, so that the far negative tail keeps its relative accuracy.
      return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
    case Activation::kGeluTanh: {
      // Hendrycks and Gimpel 2016, section 2; torch's approximate="tanh".
      const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1.0 + std::tanh(inner));
    }
    case Activation::kRelu:
      return x < 0.0 ? 0.0 : x;  // NaN stays NaN, as in torch
    case Activation::kSilu:
      return x / (1.0 + std::exp(-x));
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSigmoid:
      return 1.0 / (1.0 + std::exp(-x));
  }
  return x;
}

}  // namespace

void BiasActivation(Matrix x, std::span<const float> bias, Activation activation) {
  for (int64_t t = 0; t < x.rows; ++t) {
    for (int64_t f = 0; f < x.cols; ++f) {
      // The sum is rounded to float first, as a float32 model has it.
      const float b = bias.empty() ? 0.0f : bias[static_cast<size_t>(f)];
      const float sum = x.row(t)[f] + b;
      x.row(t)[f] = static_cast<float>(Activate(static_cast<double>(sum), activation));
    }
  }
}

void GatedActivation(ConstMatrix x, Activation activation, const Operand& out) {
  Workspace workspace;
  const bool narrow = out.type != ComputeType::kFloat32;
  const Matrix product = narrow ? workspace.NewMatrix(out.rows, out.cols) : out.matrix();
  for (int64_t t = 0; t < x.rows; ++t) {
    for (int64_t f = 0; f < out.cols; ++f) {
      const double gate = static_cast<double>(x.row(t)[out.cols + f]);
      product.row(t)[f] =
          static_cast<float>(Activate(static_cast<double>(x.row(t)[f]), activation) * gate);
    }
  }
  if (narrow) ToOperand(product, out);
}

}  // namespace bge::ref
