// Searches of vectors in memory: those of an index, without the files.
#include "bge/vectors.h"

#include "bge/embedder.h"

#include "base/cpu_limits.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "index/search.h"
#include "kernels/backend.h"
#include "tensor/workspace.h"

#include <algorithm>
#include <string>

namespace bge {

namespace {

constexpr int64_t kQueryGroup = 64;         // as in search.cc: rows are read once a group
constexpr int64_t kGroupsAtOnce = 16;       // between two looks at the stop token
constexpr int64_t kBlockBytes = 256 << 10;  // half of a common L2

ConstMatrix MatrixOf(std::span<const float> vectors, int64_t dimension, const char* name) {
  if (dimension < 1) {
    Fail(ErrorCode::kInvalidArgument, "a search cannot be done like that",
         "dimension: found " + std::to_string(dimension) + ", expected 1 or more",
         "correct the argument");
  }
  const auto size = static_cast<int64_t>(vectors.size());
  if (size % dimension != 0) {
    Fail(ErrorCode::kInvalidArgument, std::string(name) + " have the wrong length",
         "found " + std::to_string(size) + " values, expected a multiple of " +
             std::to_string(dimension),
         "give vectors of one dimension");
  }
  return {vectors.data(), size / dimension, dimension};
}

int ThreadsOf(const VectorSearchOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    Fail(ErrorCode::kInvalidArgument, "a search cannot be done like that",
         "threads: found " + std::to_string(options.threads) + ", expected 0 to " +
             std::to_string(kMaxThreads),
         "correct the argument");
  }
  return options.threads == 0 ? DefaultThreads() : options.threads;
}

std::vector<VectorHit> HitsOf(const std::vector<index::Candidate>& candidates) {
  std::vector<VectorHit> hits;
  hits.reserve(candidates.size());
  for (const index::Candidate& c : candidates) hits.push_back({c.row, c.score});
  return hits;
}

// The rows of at least `threshold` of each of some queries, in any order.
void CollectAbove(const OpContext& context, ConstMatrix queries, ConstMatrix rows, float threshold,
                  std::span<std::vector<index::Candidate>> found) {
  const int64_t block_rows =
      std::max<int64_t>(16, kBlockBytes / (rows.cols * static_cast<int64_t>(sizeof(float))));
  std::vector<float> scores(static_cast<size_t>(queries.rows * block_rows));
  for (int64_t begin = 0; begin < rows.rows; begin += block_rows) {
    const int64_t n = std::min(block_rows, rows.rows - begin);
    const Matrix block(scores.data(), queries.rows, n);
    CpuBackend().DotProducts(context, queries, rows.Rows(begin, n), block);
    for (int64_t q = 0; q < queries.rows; ++q) {
      const float* const row = block.row(q);
      for (int64_t i = 0; i < n; ++i) {
        if (row[i] >= threshold) found[static_cast<size_t>(q)].push_back({row[i], begin + i});
      }
    }
  }
}

}  // namespace

std::vector<std::vector<VectorHit>> SearchVectors(std::span<const float> queries,
                                                  std::span<const float> rows, int64_t dimension,
                                                  int64_t top_k,
                                                  const VectorSearchOptions& options) {
  const ConstMatrix query_matrix = MatrixOf(queries, dimension, "queries");
  const ConstMatrix row_matrix = MatrixOf(rows, dimension, "rows");
  if (top_k < 0) {
    Fail(ErrorCode::kInvalidArgument, "a search cannot be done like that",
         "top_k: found " + std::to_string(top_k) + ", expected 0 or more", "correct the argument");
  }
  ThreadPool pool(ThreadsOf(options));
  std::vector<std::vector<VectorHit>> results;
  results.reserve(static_cast<size_t>(query_matrix.rows));
  for (int64_t begin = 0; begin < query_matrix.rows; begin += kQueryGroup) {
    ThrowIfStopped(&options.stop);
    const int64_t n = std::min(kQueryGroup, query_matrix.rows - begin);
    for (const auto& candidates :
         index::SearchRows(CpuBackend(), pool, row_matrix, query_matrix.Rows(begin, n), top_k)) {
      results.push_back(HitsOf(candidates));
    }
    if (options.progress) options.progress(begin + n, query_matrix.rows);
  }
  return results;
}

std::vector<std::vector<VectorHit>> VectorsAbove(std::span<const float> queries,
                                                 std::span<const float> rows, int64_t dimension,
                                                 float threshold,
                                                 const VectorSearchOptions& options) {
  const ConstMatrix query_matrix = MatrixOf(queries, dimension, "queries");
  const ConstMatrix row_matrix = MatrixOf(rows, dimension, "rows");
  ThreadPool pool(ThreadsOf(options));
  std::vector<std::vector<VectorHit>> results(static_cast<size_t>(query_matrix.rows));
  const int64_t step = kQueryGroup * kGroupsAtOnce;
  for (int64_t begin = 0; begin < query_matrix.rows; begin += step) {
    ThrowIfStopped(&options.stop);
    const int64_t end = std::min(query_matrix.rows, begin + step);
    // Fewer queries at a time where that gives every thread some.
    const int64_t group = std::clamp<int64_t>((end - begin) / pool.threads(), 1, kQueryGroup);
    pool.ParallelForEach((end - begin + group - 1) / group, [&](int64_t i) {
      const int64_t first = begin + i * group;
      const int64_t n = std::min(group, end - first);
      std::vector<std::vector<index::Candidate>> found(static_cast<size_t>(n));
      Workspace workspace;
      CollectAbove({pool, workspace}, query_matrix.Rows(first, n), row_matrix, threshold, found);
      for (int64_t q = 0; q < n; ++q) {
        auto& candidates = found[static_cast<size_t>(q)];
        std::sort(candidates.begin(), candidates.end(), index::IsBetter);
        results[static_cast<size_t>(first + q)] = HitsOf(candidates);
      }
    });
    if (options.progress) options.progress(end, query_matrix.rows);
  }
  return results;
}

}  // namespace bge
