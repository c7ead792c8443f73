// Rows of x W^T + bias pooled over each sequence, as models/SpladePooling.py of
// sentence-transformers does.
#include "kernels/ref/ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bge::ref {

namespace {

double Pooled(double before, double y, TermPooling pooling) {
  if (std::isnan(y)) return y;
  const double weight = std::log1p(std::max(0.0, y));
  switch (pooling) {
    case TermPooling::kMax:
      return y > before ? y : before;
    case TermPooling::kSumLog:
      return before + weight;
    case TermPooling::kSumLogLog:
      return before + std::log1p(weight);
  }
  return before;
}

}  // namespace

void PooledLinear(const ConstOperand& x, const PreparedLinear& w, std::span<const float> bias,
                  std::span<const int32_t> cu_seqlens, TermPooling pooling, Matrix out) {
  Workspace workspace;
  const Matrix y = workspace.NewMatrix(x.rows, w.out_features());
  Linear(x, w, {bias, Activation::kIdentity}, y);
  const bool max = pooling == TermPooling::kMax;
  for (int64_t n = 0; n < out.rows; ++n) {
    for (int64_t c = 0; c < out.cols; ++c) {
      double pooled = max ? -std::numeric_limits<double>::infinity() : 0.0;
      for (int32_t r = cu_seqlens[static_cast<size_t>(n)];
           r < cu_seqlens[static_cast<size_t>(n) + 1]; ++r) {
        pooled = Pooled(pooled, y.row(r)[c], pooling);
      }
      out.row(n)[c] = static_cast<float>(pooled);
    }
  }
}

}  // namespace bge::ref
