// How a row of weights becomes int8: when weights are packed, and when they are stored.
#ifndef BGE_TENSOR_INT8_ROW_H_
#define BGE_TENSOR_INT8_ROW_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace bge {

/// 127 steps each way to the largest magnitude: q = v * 127 / largest, rounded to nearest even,
/// stands for q * scale.
class Int8Row {
 public:
  /// Of these values, which are finite.
  explicit Int8Row(std::span<const float> values) {
    float largest = 0.0f;
    for (const float v : values) largest = std::max(largest, std::abs(v));
    scale_ = largest / 127.0f;
    inverse_ = 127.0f / largest;
    if (!std::isfinite(inverse_)) inverse_ = 0.0f;  // zeros, and what no float divides 127 by
  }
  float scale() const { return scale_; }
  int8_t Round(float v) const { return static_cast<int8_t>(std::lrint(v * inverse_)); }

 private:
  float scale_;
  float inverse_;
};

}  // namespace bge

#endif  // BGE_TENSOR_INT8_ROW_H_
