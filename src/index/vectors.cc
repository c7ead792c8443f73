// Searches of vectors in memory: those of an index, without the files.
#include "bge/vectors.h"

#include "bge/embedder.h"

#include "base/cpu_limits.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "index/kept_pools.h"
#include "index/search.h"
#include "kernels/backend.h"
#include "tensor/workspace.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

namespace bge {

namespace {

constexpr int64_t kGroupsAtOnce = 16;  // between two looks at the stop token
constexpr int64_t kMinWork = 1 << 20;  // bytes times queries: some 50 us, well above a fork-join
constexpr float kUnit = 1e-6F;  // a square this near to 1 is that of a vector divided by its length

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

constinit index::KeptPools kept_pools;

// For so many pieces of work: no thread without one. Between 1 and all that are allowed the number
// is a power of 2, so that calls find each other's pools.
std::shared_ptr<ThreadPool> PoolFor(int64_t pieces, const VectorSearchOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    Fail(ErrorCode::kInvalidArgument, "a search cannot be done like that",
         "threads: found " + std::to_string(options.threads) + ", expected 0 to " +
             std::to_string(kMaxThreads),
         "correct the argument");
  }
  if (pieces <= 1 || options.threads == 1) return std::make_shared<ThreadPool>(1);
  const int most = options.threads == 0 ? DefaultThreads() : options.threads;
  if (pieces >= most) return kept_pools.Get(most);
  return kept_pools.Get(static_cast<int>(std::bit_floor(static_cast<uint64_t>(pieces))));
}

std::vector<VectorHit> HitsOf(const std::vector<index::Candidate>& candidates) {
  std::vector<VectorHit> hits;
  hits.reserve(candidates.size());
  for (const index::Candidate& c : candidates) hits.push_back({c.row, c.score});
  return hits;
}

// At least 1e-12, as torch's normalize has it. In parts, of which compilers make vectors.
float LengthOf(const float* row, int64_t dimension, float unit) {
  constexpr int64_t kParts = 16;
  float parts[kParts] = {};
  int64_t i = 0;
  for (; i + kParts <= dimension; i += kParts) {
    for (int64_t j = 0; j < kParts; ++j) parts[j] += row[i + j] * row[i + j];
  }
  for (int64_t j = 0; i < dimension; ++i, ++j) parts[j] += row[i] * row[i];
  const float square = std::accumulate(parts, parts + kParts, 0.0F);
  if (std::abs(square - 1) <= unit) return 1;
  const float length = std::sqrt(square);
  return length < 1e-12F ? 1e-12F : length;  // NaN stays
}

// What rows are multiplied with: the queries, or where scores are cosines those divided by their
// lengths, which go to `unit`.
ConstMatrix Compared(ConstMatrix queries, const VectorSearchOptions& options,
                     std::vector<float>* unit) {
  if (!options.cosine) return queries;
  unit->assign(queries.data, queries.data + queries.rows * queries.cols);
  for (int64_t q = 0; q < queries.rows; ++q) {
    const float length = LengthOf(queries.row(q), queries.cols, 0);
    float* const row = unit->data() + q * queries.cols;
    for (int64_t i = 0; i < queries.cols; ++i) row[i] /= length;
  }
  return {unit->data(), queries.rows, queries.cols};
}

void DivideByLengths(const OpContext& context, ConstMatrix queries, ConstMatrix rows,
                     Matrix scores) {
  std::vector<float> lengths(static_cast<size_t>(rows.rows));
  for (int64_t r = 0; r < rows.rows; ++r) {
    lengths[static_cast<size_t>(r)] = LengthOf(rows.row(r), rows.cols, kUnit);
  }
  for (int64_t q = 0; q < queries.rows; ++q) {
    float* const row = scores.row(q);
    for (int64_t r = 0; r < rows.rows; ++r) row[r] /= lengths[static_cast<size_t>(r)];
  }
  for (int64_t r = 0; r < rows.rows; ++r) {
    if (!std::isinf(lengths[static_cast<size_t>(r)])) continue;
    // The products may be infinite too: the row is divided before it is multiplied.
    std::vector<float> divided(rows.row(r), rows.row(r) + rows.cols);
    for (float& value : divided) value /= lengths[static_cast<size_t>(r)];
    CpuBackend().DotProducts(context, queries, {divided.data(), 1, rows.cols},
                             {scores.data + r, queries.rows, 1, scores.stride});
  }
}

// scores[q][r] of queries, which have unit length where they are cosines, and rows.
void Score(const OpContext& context, ConstMatrix queries, ConstMatrix rows,
           const VectorSearchOptions& options, Matrix scores) {
  CpuBackend().DotProducts(context, queries, rows, scores);
  if (options.cosine) DivideByLengths(context, queries, rows, scores);
  if (!options.refuse_nan) return;
  int64_t num_nan = 0;
  for (int64_t q = 0; q < queries.rows; ++q) {
    const float* const row = scores.row(q);
    for (int64_t r = 0; r < rows.rows; ++r) num_nan += std::isnan(row[r]) ? 1 : 0;
  }
  if (num_nan > 0) {
    Fail(ErrorCode::kInvalidArgument, "vectors cannot be compared", "found NaN among the scores",
         "give vectors of finite numbers");
  }
}

// The rows of at least `threshold` of each of some queries, in any order.
void CollectAbove(const OpContext& context, ConstMatrix queries, ConstMatrix rows, float threshold,
                  const VectorSearchOptions& options,
                  std::span<std::vector<index::Candidate>> found) {
  const int64_t block_rows = std::min(rows.rows, index::BlockRows(rows.cols));
  std::vector<float> scores(static_cast<size_t>(queries.rows * block_rows));
  for (int64_t begin = 0; begin < rows.rows; begin += block_rows) {
    const int64_t n = std::min(block_rows, rows.rows - begin);
    const Matrix block(scores.data(), queries.rows, n);
    Score(context, queries, rows.Rows(begin, n), options, block);
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
  const ConstMatrix given = MatrixOf(queries, dimension, "queries");
  const ConstMatrix row_matrix = MatrixOf(rows, dimension, "rows");
  if (top_k < 0) {
    Fail(ErrorCode::kInvalidArgument, "a search cannot be done like that",
         "top_k: found " + std::to_string(top_k) + ", expected 0 or more", "correct the argument");
  }
  const auto pool = PoolFor(index::NumPieces(row_matrix.rows, dimension, given.rows), options);
  std::vector<float> unit;
  const ConstMatrix compared = Compared(given, options, &unit);
  const auto score = [&](const OpContext& context, ConstMatrix some, ConstMatrix some_rows,
                         Matrix scores) { Score(context, some, some_rows, options, scores); };
  const index::RowRange range{row_matrix, nullptr};
  std::vector<std::vector<VectorHit>> results;
  results.reserve(static_cast<size_t>(given.rows));
  for (int64_t begin = 0; begin < given.rows; begin += index::kMaxQueryGroup) {
    ThrowIfStopped(&options.stop);
    const int64_t n = std::min(index::kMaxQueryGroup, given.rows - begin);
    for (const auto& candidates :
         index::SearchRows(score, *pool, std::span(&range, 1), compared.Rows(begin, n), top_k)) {
      results.push_back(HitsOf(candidates));
    }
    if (options.progress) options.progress(begin + n, given.rows);
  }
  return results;
}

std::vector<std::vector<VectorHit>> VectorsAbove(std::span<const float> queries,
                                                 std::span<const float> rows, int64_t dimension,
                                                 float threshold,
                                                 const VectorSearchOptions& options) {
  const ConstMatrix given = MatrixOf(queries, dimension, "queries");
  const ConstMatrix row_matrix = MatrixOf(rows, dimension, "rows");
  const int64_t step = index::kMaxQueryGroup * kGroupsAtOnce;
  const int64_t at_once = std::min(step, given.rows);
  const int64_t work = at_once * row_matrix.rows * dimension * static_cast<int64_t>(sizeof(float));
  const auto pool = PoolFor(std::min(at_once, work / kMinWork + 1), options);
  std::vector<float> unit;
  const ConstMatrix compared = Compared(given, options, &unit);
  std::vector<std::vector<VectorHit>> results(static_cast<size_t>(given.rows));
  for (int64_t begin = 0; begin < given.rows; begin += step) {
    ThrowIfStopped(&options.stop);
    const int64_t end = std::min(given.rows, begin + step);
    // Fewer queries at a time where that gives every thread some.
    const int64_t group =
        std::clamp<int64_t>((end - begin) / pool->threads(), 1, index::kMaxQueryGroup);
    pool->ParallelForEach((end - begin + group - 1) / group, [&](int64_t i) {
      const int64_t first = begin + i * group;
      const int64_t n = std::min(group, end - first);
      std::vector<std::vector<index::Candidate>> found(static_cast<size_t>(n));
      Workspace workspace;
      CollectAbove({*pool, workspace}, compared.Rows(first, n), row_matrix, threshold, options,
                   found);
      for (int64_t q = 0; q < n; ++q) {
        auto& candidates = found[static_cast<size_t>(q)];
        std::sort(candidates.begin(), candidates.end(), index::IsBetter);
        results[static_cast<size_t>(first + q)] = HitsOf(candidates);
      }
    });
    if (options.progress) options.progress(end, given.rows);
  }
  return results;
}

}  // namespace bge
