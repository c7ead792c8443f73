// How a row of weights becomes int8: when weights are packed, and when they are stored.
#ifndef BGE_TENSOR_INT8_ROW_H_
#define BGE_TENSOR_INT8_ROW_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace bge {

/// The steps of a remainder that one step of its row is.
inline constexpr int kRemainderSteps = 254;

/// Long rows of W are rounded in parts of so many columns, each with steps of its own: a row's
/// largest number is the larger the longer it is. Shorter rows are not, as parts take time.
inline constexpr int64_t kInt8PartColumns = 256;
inline constexpr int64_t kMostInt8WholeColumns = 1024;
constexpr int64_t Int8PartColumns(int64_t k) {
  return k <= kMostInt8WholeColumns ? k : kInt8PartColumns;
}
constexpr int64_t NumInt8Parts(int64_t k) {
  return k <= kMostInt8WholeColumns ? 1 : (k + kInt8PartColumns - 1) / kInt8PartColumns;
}

/// 127 steps each way to the largest magnitude: q = v * 127 / largest, rounded to nearest even,
/// stands for q * scale.
class Int8Row {
 public:
  /// Of these values. Where one is not finite the scale is NaN, and what is computed from it.
  explicit Int8Row(std::span<const float> values) {
    float largest = 0.0f;
    float zeros = 0.0f;  // not once a value is infinite or NaN
    for (const float v : values) {
      largest = std::max(largest, std::abs(v));
      zeros += v * 0.0f;
    }
    if (zeros != 0.0f) return;
    scale_ = largest / 127.0f;
    inverse_ = 127.0f / largest;
    if (!std::isfinite(inverse_)) inverse_ = 0.0f;  // zeros, and what no float divides 127 by
  }
  float scale() const { return scale_; }
  int8_t Round(float v) const {
    return inverse_ == 0.0f ? int8_t{0} : static_cast<int8_t>(std::lrint(v * inverse_));
  }
  /// What Round takes off v, in steps of scale() / kRemainderSteps: both together have 15 bits.
  int8_t Remainder(float v) const {
    const float rest = v * inverse_ - static_cast<float>(Round(v));
    return inverse_ == 0.0f ? int8_t{0} : static_cast<int8_t>(std::lrint(rest * kRemainderSteps));
  }

 private:
  float scale_ = std::numeric_limits<float>::quiet_NaN();
  float inverse_ = 0.0f;
};

}  // namespace bge

#endif  // BGE_TENSOR_INT8_ROW_H_
