// Which part of a model an op computes.
#ifndef BGE_KERNELS_STAGE_H_
#define BGE_KERNELS_STAGE_H_

#include <cstdint>

namespace bge {

/// A label for whoever measures (src/bench/profiling_backend.h); no op computes differently for it.
/// kUnlabelled: the stage that the op itself says, such as attention.
enum class Stage : uint8_t {
  kUnlabelled,
  kEmbed,
  kQkv,
  kAttention,
  kOutput,
  kFfnUp,
  kActivation,
  kFfnDown,
  kNorms,
  kRounding,  // to the numbers that linear layers multiply
  kPool,      // pooling, the modules after it, and scaling to length 1
};

}  // namespace bge

#endif  // BGE_KERNELS_STAGE_H_
