// float32 rows to bfloat16, and to int8: 255 steps from a row's least number, or zero, to its
// largest, outliers aside.
#include "base/numeric.h"
#include "kernels/ref/ops.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>

namespace bge::ref {

namespace {

RowScale ToInt8(std::span<const float> row, uint8_t* to) {
  float magnitude = 0.0f;
  for (const float v : row) {
    if (!std::isfinite(v)) {
      std::ranges::fill_n(to, std::ssize(row), uint8_t{0});
      return {std::numeric_limits<float>::quiet_NaN(), 0, 0, {}};
    }
    magnitude = std::max(magnitude, std::abs(v));
  }
  const auto is_outlier = [&](float v) { return std::abs(v) > kOutlierShare * magnitude; };
  const auto beyond = std::count_if(row.begin(), row.end(), is_outlier);
  const bool few = beyond > 0 && beyond <= kMaxOutliers;

  float least = 0.0f;
  float largest = 0.0f;
  for (const float v : row) {
    if (few && is_outlier(v)) continue;
    least = std::min(least, v);
    largest = std::max(largest, v);
  }
  float width = largest - least;
  if (few) width = std::max(width, magnitude * (255.0f / kMaxOutlierSteps));
  float inverse = 255.0f / width;
  if (!std::isfinite(inverse)) inverse = 0.0f;

  RowScale scale = {};
  scale.scale = width / 255.0f;
  scale.zero_point = static_cast<int32_t>(std::nearbyint(-least * inverse));
  for (size_t c = 0; c < row.size(); ++c) {
    const auto steps = static_cast<int32_t>(std::nearbyint(row[c] * inverse));
    if (few && is_outlier(row[c])) {
      scale.outliers[scale.num_outliers++] = {static_cast<int32_t>(c), steps};
      to[c] = static_cast<uint8_t>(scale.zero_point);
    } else {
      to[c] = static_cast<uint8_t>(std::clamp(steps + scale.zero_point, 0, 255));
    }
  }
  return scale;
}

}  // namespace

void ToOperand(ConstMatrix x, const Operand& out) {
  if (out.type == ComputeType::kFloat32) {
    BGE_CHECK(out.data == x.data && out.stride == x.stride);
    return;
  }
  for (int64_t r = 0; r < x.rows; ++r) {
    const float* from = x.row(r);
    if (out.type == ComputeType::kBFloat16) {
      auto* to = static_cast<uint16_t*>(out.data) + r * out.stride;
      for (int64_t c = 0; c < x.cols; ++c) to[c] = FloatToBf16(from[c]);
      continue;
    }
    out.scales[r] = ToInt8(std::span(from, static_cast<size_t>(x.cols)),
                           static_cast<uint8_t*>(out.data) + r * out.stride);
  }
}

float OperandValue(const ConstOperand& x, int64_t row, int64_t col) {
  const int64_t i = row * x.stride + col;
  switch (x.type) {
    case ComputeType::kFloat32:
      return static_cast<const float*>(x.data)[i];
    case ComputeType::kBFloat16:
      return Bf16ToFloat(static_cast<const uint16_t*>(x.data)[i]);
    case ComputeType::kInt8: {
      const RowScale& scale = x.scales[row];
      int32_t steps = static_cast<const uint8_t*>(x.data)[i] - scale.zero_point;
      for (const RowScale::Outlier& outlier :
           std::span(scale.outliers).first(static_cast<size_t>(scale.num_outliers))) {
        if (outlier.column == col) steps += outlier.steps;
      }
      return static_cast<float>(steps) * scale.scale;
    }
  }
  return 0.0f;
}

}  // namespace bge::ref
