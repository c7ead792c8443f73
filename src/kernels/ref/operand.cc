// float32 rows to bfloat16, and to int8 with one scale a row: x is about q * scale, q from -127 to
// 127 and ties of rounding to even.
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
    float largest = 0.0f;
    for (int64_t c = 0; c < x.cols; ++c) largest = std::max(largest, std::abs(from[c]));
    const float inverse = largest == 0.0f ? 0.0f : 127.0f / largest;
    auto* to = static_cast<int8_t*>(out.data) + r * out.stride;
    for (int64_t c = 0; c < x.cols; ++c) {
      to[c] = static_cast<int8_t>(std::nearbyint(from[c] * inverse));
    }
    out.scales[r] = largest / 127.0f;
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
      return static_cast<float>(static_cast<const int8_t*>(x.data)[i]) * x.scales[row];
  }
  return 0.0f;
}

}  // namespace bge::ref
