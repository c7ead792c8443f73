// Follows compute_default_rope_parameters and forward of transformers' rotary embeddings.
#include "encoder/rotary.h"

#include <cmath>

namespace bge {

std::vector<float> RotaryFrequencies(double theta, int64_t head_dim) {
  std::vector<float> frequencies(static_cast<size_t>(head_dim / 2));
  for (size_t d = 0; d < frequencies.size(); ++d) {
    // Parity: three float32 operations.
    const float exponent = static_cast<float>(2 * d) / static_cast<float>(head_dim);
    const auto power = static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
    frequencies[d] = 1.0f / power;
  }
  return frequencies;
}

Matrix RotaryTurns(const OpContext& context, std::span<const float> frequencies,
                   int64_t positions) {
  const auto half = static_cast<int64_t>(frequencies.size());
  const Matrix turns = context.workspace.NewMatrix(positions, 2 * half);
  constexpr int64_t kGrain = 2048;  // angles: some 50 us
  context.pool.ParallelFor(positions, 1 + kGrain / half, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      float* row = turns.row(p);
      for (int64_t d = 0; d < half; ++d) {
        const float angle = static_cast<float>(p) * frequencies[static_cast<size_t>(d)];
        row[d] = std::cos(angle);
        row[half + d] = std::sin(angle);
      }
    }
  });
  return turns;
}

}  // namespace bge
