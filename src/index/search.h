// Exact search: every row against every query.
#ifndef BGE_INDEX_SEARCH_H_
#define BGE_INDEX_SEARCH_H_

#include "base/function_ref.h"
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

/// Writes scores[q][r] of queries [Q, D] and rows [R, D]; called by several threads at once.
using Scorer = FunctionRef<void(const OpContext& context, ConstMatrix queries, ConstMatrix rows,
                                Matrix scores)>;

/// The min(top_k, live rows) best rows of each query, best first. Rows are counted through all
/// ranges, the deleted ones too. queries: [Q, D]. top_k >= 0. The result depends neither on the
/// number of threads, nor on the other queries, nor on how the rows are cut into ranges, as far as
/// `score` gives a pair the same score whatever stands beside it. Rethrows what `score` throws.
std::vector<std::vector<Candidate>> SearchRows(Scorer score, ThreadPool& pool,
                                               std::span<const RowRange> ranges,
                                               ConstMatrix queries, int64_t top_k);
/// The same by inner product.
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

/// Queries that are computed together at most: rows are read once for so many.
inline constexpr int64_t kMaxQueryGroup = 64;

/// Rows of `dimension` values that stay in the L2 cache while queries are multiplied with them.
int64_t BlockRows(int64_t dimension);

/// Into how many pieces, each worth more than what it costs to give it to another thread, the
/// search of `rows` rows falls.
int64_t NumPieces(int64_t rows, int64_t dimension, int64_t queries);

}  // namespace bge::index

#endif  // BGE_INDEX_SEARCH_H_
