// Rotary position embeddings (Su et al. 2021): the angles that Backend::RotaryEmbedding turns by.
#ifndef BGE_ENCODER_ROTARY_H_
#define BGE_ENCODER_ROTARY_H_

#include "kernels/backend.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bge {

/// theta^(-2d / D) for d < D/2, in float32 as torch has them: an angle is a position times one of
/// them, so that its rounding shows at position 8000.
std::vector<float> RotaryFrequencies(double theta, int64_t head_dim);

/// Cosines and sines of the angles of positions 0 .. positions - 1: [positions, D], each row D/2
/// cosines, then D/2 sines; in the workspace. Made anew for each batch: that takes a thousandth of
/// what a layer takes, and a table for all positions would be megabytes.
Matrix RotaryTurns(const OpContext& context, std::span<const float> frequencies, int64_t positions);

}  // namespace bge

#endif  // BGE_ENCODER_ROTARY_H_
