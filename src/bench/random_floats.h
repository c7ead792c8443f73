// Numbers to measure with: none is zero, infinite or subnormal, whose speed may differ.
#ifndef BGE_BENCH_RANDOM_FLOATS_H_
#define BGE_BENCH_RANDOM_FLOATS_H_

#include <cstdint>
#include <span>
#include <vector>

namespace bge {

/// Fills with numbers of (-1, 1), always the same.
inline void FillRandom(std::span<float> values) {
  uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator
    value = (static_cast<float>(state >> 8) + 0.5f) * 0x1p-23f - 1.0f;
  }
}

inline std::vector<float> RandomFloats(int64_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  FillRandom(values);
  return values;
}

}  // namespace bge

#endif  // BGE_BENCH_RANDOM_FLOATS_H_
