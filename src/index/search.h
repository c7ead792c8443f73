// Exact search: every row against every query.
#ifndef BGE_INDEX_SEARCH_H_
#define BGE_INDEX_SEARCH_H_

#include "base/parallel.h"
#include "index/deleted_rows.h"
#include "index/top_k.h"
#include "kernels/backend.h"
#include "tensor/tensor_view.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bge::index {

/// Rows that lie together in memory.
struct RowRange {
  ConstMatrix rows;                      // [R, D]
  const DeletedRows* deleted = nullptr;  // rows that are not found; null: none
};

/// The min(top_k, live rows) best rows of each query, best first. Rows are counted through all
/// ranges, the deleted ones too. queries: [Q, D]. top_k >= 0. The result depends neither on the
/// number of threads, nor on the other queries, nor on how the rows are cut into ranges, as far as
/// backend.DotProducts gives a pair the same product whatever stands beside it.
std::vector<std::vector<Candidate>> SearchRows(const Backend& backend, ThreadPool& pool,
                                               std::span<const RowRange> ranges,
                                               ConstMatrix queries, int64_t top_k);
/// The same with one range.
inline std::vector<std::vector<Candidate>> SearchRows(const Backend& backend, ThreadPool& pool,
                                                      ConstMatrix rows, ConstMatrix queries,
                                                      int64_t top_k) {
  const RowRange range{rows, nullptr};
  return SearchRows(backend, pool, std::span(&range, 1), queries, top_k);
}

}  // namespace bge::index

#endif  // BGE_INDEX_SEARCH_H_
