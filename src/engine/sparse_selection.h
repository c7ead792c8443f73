// The largest weights of a sparse vector.
#ifndef BGE_ENGINE_SPARSE_SELECTION_H_
#define BGE_ENGINE_SPARSE_SELECTION_H_

#include "bge/representations.h"

#include <cstdint>

namespace bge {

/// Leaves the `count` weights that are largest in magnitude (sentence-transformers'
/// select_max_active_dims), of equal ones those of the lower ids; all where count is 0.
void KeepLargest(int64_t count, SparseVector* vector);

}  // namespace bge

#endif  // BGE_ENGINE_SPARSE_SELECTION_H_
