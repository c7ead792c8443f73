// What makes vectors of a text's tokens: BGE-M3's head, and that of ColBERT models.
#ifndef BGE_HEADS_MULTI_VECTOR_HEAD_H_
#define BGE_HEADS_MULTI_VECTOR_HEAD_H_

#include "bge/representations.h"
#include "bge/types.h"

#include "kernels/backend.h"

#include <cstdint>
#include <span>

namespace bge {

/// The tokens of a packed batch, of which text n has those from cu_seqlens[n] on.
struct TokenBatch {
  std::span<const int32_t> ids;         // [T]
  std::span<const int32_t> cu_seqlens;  // [N + 1]
  std::span<const int32_t> key_counts;  // [N], or empty: as PackedBatch has them
  Role role = Role::kNone;              // of all texts
};

/// Immutable; thread-safe.
class MultiVectorHead {
 public:
  virtual ~MultiVectorHead() = default;

  virtual int64_t dimension() const = 0;
  virtual int64_t num_parameters() const = 0;
  /// Memory that Run takes, of its workspace and in the vectors.
  virtual int64_t bytes_per_token() const = 0;

  /// hidden: [T, H], of the batch's tokens; vectors: [N], of its texts, cut to `dimension`, at most
  /// dimension(), and then each of unit length where `normalize`.
  virtual void Run(const OpContext& context, const TokenBatch& batch, ConstMatrix hidden,
                   int64_t dimension, bool normalize, std::span<MultiVector> vectors) const = 0;
};

}  // namespace bge

#endif  // BGE_HEADS_MULTI_VECTOR_HEAD_H_
