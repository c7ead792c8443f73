// What makes vectors of a text's tokens: BGE-M3's head, and others like it.
#ifndef BGE_HEADS_MULTI_VECTOR_HEAD_H_
#define BGE_HEADS_MULTI_VECTOR_HEAD_H_

#include "bge/representations.h"

#include "kernels/backend.h"

#include <cstdint>
#include <span>

namespace bge {

/// Immutable; thread-safe.
class MultiVectorHead {
 public:
  virtual ~MultiVectorHead() = default;

  virtual int64_t dimension() const = 0;
  virtual int64_t num_parameters() const = 0;

  /// hidden: [T, H], of the tokens `ids` [T] of a packed batch, of which text n has those from
  /// cu_seqlens[n] on; vectors: [N], of its texts, cut to `dimension`, at most dimension(), and
  /// then each of unit length where `normalize`.
  virtual void Run(const OpContext& context, std::span<const int32_t> ids,
                   std::span<const int32_t> cu_seqlens, ConstMatrix hidden, int64_t dimension,
                   bool normalize, std::span<MultiVector> vectors) const = 0;
};

}  // namespace bge

#endif  // BGE_HEADS_MULTI_VECTOR_HEAD_H_
