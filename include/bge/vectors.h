// Searches of vectors in memory, exact, by inner product or cosine.
#ifndef BGE_VECTORS_H_
#define BGE_VECTORS_H_

#include "bge/export.h"

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

namespace bge {

/// A row that a query found.
struct VectorHit {
  int64_t row = 0;
  float score = 0;  ///< inner product with the query, or their cosine
};

/// Settings of one call.
struct VectorSearchOptions {
  /// As EmbedderOptions::threads. Fewer where there is little to do. They are kept for later calls.
  int threads = 0;
  /// Called from one thread at a time with the queries done so far.
  std::function<void(int64_t done, int64_t total)> progress = {};
  std::stop_token stop = {};  ///< a request to stop ends the call with Error(kCancelled)
  /// Scores are cosines, of any vectors: inner products divided by both lengths, each at least
  /// 1e-12.
  bool cosine = false;
  /// Error(kInvalidArgument) where the score of a query and a row is NaN: where one of them has a
  /// NaN, or infinite values that lead to it. No score is computed for a top_k of 0.
  bool refuse_nan = false;
};

/// For each query the min(top_k, rows) rows of highest score, best first; of equal ones the lower
/// rows. A NaN counts as -infinity. queries and rows: vectors of `dimension` values, one
/// after another. A score does not depend on the other queries, nor on the number of threads.
/// Error(kInvalidArgument) for lengths that are no multiple of the dimension, for a dimension below
/// 1, and for a top_k or a number of threads that is negative or too large. Thread-safe.
BGE_API std::vector<std::vector<VectorHit>> SearchVectors(std::span<const float> queries,
                                                          std::span<const float> rows,
                                                          int64_t dimension, int64_t top_k,
                                                          const VectorSearchOptions& options = {});

/// For each query all rows whose score is at least `threshold`, in the same order. NaNs
/// find nothing. The memory grows with what is found: up to 16 bytes for each pair.
BGE_API std::vector<std::vector<VectorHit>> VectorsAbove(std::span<const float> queries,
                                                         std::span<const float> rows,
                                                         int64_t dimension, float threshold,
                                                         const VectorSearchOptions& options = {});

}  // namespace bge

#endif  // BGE_VECTORS_H_
