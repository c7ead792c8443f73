#include "encoder/relative_buckets.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace bge {

// Parity: relative_position_bucket of modeling_mpnet.py: the first eight distances have a bucket
// each; from there to 128 eight buckets grow by 16^(1/8), whose bounds are where its float32
// logarithms put them.
int64_t MpnetBucket(int64_t distance) {
  constexpr int64_t kExact = 8;
  constexpr int64_t kBounds[] = {12, 16, 23, 32, 46, 64, kMpnetFarthest};
  const int64_t far = distance < 0 ? -distance : distance;
  const int64_t side = distance > 0 ? kMpnetBuckets / 2 : 0;
  if (far < kExact) return side + far;
  const auto* const bound = std::upper_bound(std::begin(kBounds), std::end(kBounds), far);
  return side + kExact + std::distance(std::begin(kBounds), bound);
}

std::vector<float> MpnetBiasByDistance(std::span<const float> table, int64_t num_heads) {
  std::vector<float> values;
  for (int64_t head = 0; head < num_heads; ++head) {
    for (int64_t distance = -kMpnetFarthest; distance <= kMpnetFarthest; ++distance) {
      values.push_back(table[static_cast<size_t>(MpnetBucket(distance) * num_heads + head)]);
    }
  }
  return values;
}

}  // namespace bge
