// float32 rows to bfloat16, and to int8: 255 steps from a row's least number, or zero, to its
// largest.
#include "base/numeric.h"
#include "kernels/ref/ops.h"

#include <algorithm>
#include <cmath>

namespace bge::ref {

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
    float least = 0.0f;
    float largest = 0.0f;
    for (int64_t c = 0; c < x.cols; ++c) {
      least = std::min(least, from[c]);
      largest = std::max(largest, from[c]);
    }
    const float inverse = largest == least ? 0.0f : 255.0f / (largest - least);
    const auto zero_point = static_cast<int32_t>(std::nearbyint(-least * inverse));
    auto* to = static_cast<uint8_t*>(out.data) + r * out.stride;
    for (int64_t c = 0; c < x.cols; ++c) {
      const float step = std::nearbyint(from[c] * inverse) + static_cast<float>(zero_point);
      to[c] = static_cast<uint8_t>(std::clamp(step, 0.0f, 255.0f));
    }
    out.scales[r] = {(largest - least) / 255.0f, zero_point};
  }
}

float OperandValue(const ConstOperand& x, int64_t row, int64_t col) {
  const int64_t i = row * x.stride + col;
  switch (x.type) {
    case ComputeType::kFloat32:
      return static_cast<const float*>(x.data)[i];
    case ComputeType::kBFloat16:
      return Bf16ToFloat(static_cast<const uint16_t*>(x.data)[i]);
    case ComputeType::kInt8:
      return static_cast<float>(static_cast<const uint8_t*>(x.data)[i] - x.scales[row].zero_point) *
             x.scales[row].scale;
  }
  return 0.0f;
}

}  // namespace bge::ref
