#include "encoder/outlier_columns.h"

#include "kernels/operand.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace bge {

std::vector<int32_t> OutlierColumns(std::span<const float> gains, int64_t hidden_size) {
  std::vector<double> squares(static_cast<size_t>(hidden_size), 0.0);
  for (size_t i = 0; i < gains.size(); ++i) {
    const auto gain = static_cast<double>(gains[i]);
    // One that is not finite makes vectors that are not; here it must only be in some order.
    if (std::isfinite(gain)) squares[i % squares.size()] += gain * gain;
  }
  std::vector<int32_t> columns(squares.size());
  std::iota(columns.begin(), columns.end(), 0);
  std::stable_sort(columns.begin(), columns.end(), [&](int32_t a, int32_t b) {
    return squares[static_cast<size_t>(a)] > squares[static_cast<size_t>(b)];
  });
  columns.resize(std::min<size_t>(columns.size(), kMaxOutliers));
  return columns;
}

}  // namespace bge
