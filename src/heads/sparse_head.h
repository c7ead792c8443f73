// What makes a sparse vector of a text: BGE-M3's head, and others like it.
#ifndef BGE_HEADS_SPARSE_HEAD_H_
#define BGE_HEADS_SPARSE_HEAD_H_

#include "bge/representations.h"

#include "kernels/backend.h"

#include <cstdint>
#include <span>

namespace bge {

/// Immutable; thread-safe.
class SparseHead {
 public:
  virtual ~SparseHead() = default;

  virtual int64_t num_parameters() const = 0;
  /// Of workspace that Run takes, at most, for each token of a batch.
  virtual int64_t bytes_per_token() const { return 0; }

  /// hidden: [T, H], of the tokens `ids` [T] of a packed batch, of which text n has those from
  /// cu_seqlens[n] on; vectors: [N], of its texts.
  virtual void Run(const OpContext& context, std::span<const int32_t> ids,
                   std::span<const int32_t> cu_seqlens, ConstMatrix hidden,
                   std::span<SparseVector> vectors) const = 0;
};

}  // namespace bge

#endif  // BGE_HEADS_SPARSE_HEAD_H_
