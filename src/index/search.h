// Exact search: every row against every query.
#ifndef BGE_INDEX_SEARCH_H_
#define BGE_INDEX_SEARCH_H_

#include "base/parallel.h"
#include "index/top_k.h"
#include "kernels/backend.h"
#include "tensor/tensor_view.h"

#include <cstdint>
#include <vector>

namespace bge::index {

/// The min(top_k, R) best rows of each query, best first. rows: [R, D], queries: [Q, D].
/// top_k >= 0. The result depends neither on the number of threads nor on the other queries, as
/// far as backend.DotProducts gives a pair the same product whatever stands beside it.
std::vector<std::vector<Candidate>> SearchRows(const Backend& backend, ThreadPool& pool,
                                               ConstMatrix rows, ConstMatrix queries,
                                               int64_t top_k);

}  // namespace bge::index

#endif  // BGE_INDEX_SEARCH_H_
