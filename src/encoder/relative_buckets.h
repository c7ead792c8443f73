// The bias that MPNet's attention adds by distance (Song et al. 2020; transformers'
// modeling_mpnet.py): one number for each head and bucket of distances, the same in all layers.
#ifndef BGE_ENCODER_RELATIVE_BUCKETS_H_
#define BGE_ENCODER_RELATIVE_BUCKETS_H_

#include <cstdint>
#include <span>
#include <vector>

namespace bge {

inline constexpr int64_t kMpnetBuckets = 32;
/// All farther distances are in the bucket of this one, in front of a token and behind it.
inline constexpr int64_t kMpnetFarthest = 91;

/// The bucket, in [0, kMpnetBuckets), of a key so many tokens behind its query (in front of it:
/// below zero). Any distance.
int64_t MpnetBucket(int64_t distance);

/// RelativeBias::values, [A, 2 * kMpnetFarthest + 1], from the number of each bucket and head:
/// `table` [kMpnetBuckets or more, A].
std::vector<float> MpnetBiasByDistance(std::span<const float> table, int64_t num_heads);

}  // namespace bge

#endif  // BGE_ENCODER_RELATIVE_BUCKETS_H_
