// Exact search in blocks.
//
// Rows are cut into chunks, which threads take in turn, and a chunk into blocks that stay in the L2
// cache while a group of queries is multiplied with them. With one query the scan runs at the speed
// of memory; with many the rows are read once a group.
#include "index/search.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace bge::index {
namespace {

constexpr int64_t kBlockBytes = 256 << 10;  // half of a common L2: the queries need room too
constexpr int64_t kMinChunkWork = 1
                                  << 20;  // bytes times queries: some 50 us, well above a fork-join
constexpr int64_t kChunksPerThread = 8;   // so that threads end at about the same time
constexpr int64_t kMaxGroupBytes = 256 << 20;  // of candidates

int64_t CeilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0); }

// Rows [begin, end) of a range.
struct Chunk {
  const RowRange* range;
  int64_t begin;
  int64_t end;
  int64_t first_row;  // the number of the range's row 0
};

int64_t MinChunkBlocks(int64_t dimension, int64_t queries) {
  const int64_t block_bytes =
      BlockRows(dimension) * dimension * static_cast<int64_t>(sizeof(float));
  return CeilDiv(kMinChunkWork, block_bytes * std::clamp<int64_t>(queries, 1, kMaxQueryGroup));
}

// Chunks of all ranges, of about the same size where a range is not smaller. None is empty.
std::vector<Chunk> CutChunks(std::span<const RowRange> ranges, ConstMatrix queries, int threads) {
  const int64_t block_rows = BlockRows(queries.cols);
  int64_t num_blocks = 0;
  for (const RowRange& range : ranges) num_blocks += CeilDiv(range.rows.rows, block_rows);
  const int64_t chunk_blocks = std::max(MinChunkBlocks(queries.cols, queries.rows),
                                        CeilDiv(num_blocks, kChunksPerThread * threads));
  const int64_t chunk_rows = chunk_blocks * block_rows;

  std::vector<Chunk> chunks;
  int64_t first_row = 0;
  for (const RowRange& range : ranges) {
    for (int64_t begin = 0; begin < range.rows.rows; begin += chunk_rows) {
      const int64_t end = std::min(range.rows.rows, begin + chunk_rows);
      chunks.push_back({&range, begin, end, first_row});
    }
    first_row += range.rows.rows;
  }
  return chunks;
}

// One group of queries over all chunks; best[q] receives the candidates.
void SearchGroup(Scorer score, ThreadPool& pool, std::span<const Chunk> chunks, ConstMatrix queries,
                 int64_t top_k, std::vector<TopK>* best) {
  const int64_t block_rows = BlockRows(queries.cols);
  std::mutex mu;  // guards *best
  pool.ParallelForEach(static_cast<int64_t>(chunks.size()), [&](int64_t index) {
    const Chunk& chunk = chunks[static_cast<size_t>(index)];
    std::vector<TopK> local(best->size(), TopK(top_k));
    {
      const std::lock_guard lock(mu);
      for (size_t q = 0; q < local.size(); ++q) local[q].SetFloor((*best)[q].floor());
    }
    Workspace workspace;
    const int64_t most_rows = std::min(block_rows, chunk.end - chunk.begin);
    std::vector<float> scores(static_cast<size_t>(queries.rows * most_rows));
    for (int64_t row = chunk.begin; row < chunk.end; row += block_rows) {
      const int64_t n = std::min(block_rows, chunk.end - row);
      const Matrix block(scores.data(), queries.rows, n);
      score({pool, workspace}, queries, chunk.range->rows.Rows(row, n), block);
      for (int64_t q = 0; q < queries.rows; ++q) {
        local[static_cast<size_t>(q)].Offer({block.row(q), static_cast<size_t>(n)},
                                            chunk.first_row + row, chunk.range->deleted, row);
      }
    }
    const std::lock_guard lock(mu);
    for (size_t q = 0; q < local.size(); ++q) (*best)[q].Merge(local[q]);
  });
}

}  // namespace

int64_t BlockRows(int64_t dimension) {
  return std::max<int64_t>(16, kBlockBytes / (dimension * static_cast<int64_t>(sizeof(float))));
}

int64_t NumPieces(int64_t rows, int64_t dimension, int64_t queries) {
  return CeilDiv(CeilDiv(rows, BlockRows(dimension)), MinChunkBlocks(dimension, queries));
}

std::vector<std::vector<Candidate>> SearchRows(const Backend& backend, ThreadPool& pool,
                                               std::span<const RowRange> ranges,
                                               ConstMatrix queries, int64_t top_k) {
  const auto score = [&](const OpContext& context, ConstMatrix some, ConstMatrix rows,
                         Matrix scores) { backend.DotProducts(context, some, rows, scores); };
  return SearchRows(score, pool, ranges, queries, top_k);
}

std::vector<std::vector<Candidate>> SearchRows(Scorer score, ThreadPool& pool,
                                               std::span<const RowRange> ranges,
                                               ConstMatrix queries, int64_t top_k) {
  std::vector<std::vector<Candidate>> results(static_cast<size_t>(queries.rows));
  int64_t live = 0;
  for (const RowRange& range : ranges) {
    live += range.rows.rows - (range.deleted != nullptr ? range.deleted->count() : 0);
  }
  top_k = std::min(top_k, live);
  if (top_k == 0) return results;
  const std::vector<Chunk> chunks = CutChunks(ranges, queries, pool.threads());

  // A group's candidates: up to 2 top_k for each query, for every thread and once more.
  const int64_t candidate_bytes =
      2 * static_cast<int64_t>(sizeof(Candidate)) * (pool.threads() + 1);
  const int64_t group =
      std::clamp<int64_t>(kMaxGroupBytes / candidate_bytes / top_k, 1, kMaxQueryGroup);
  for (int64_t begin = 0; begin < queries.rows; begin += group) {
    const int64_t n = std::min(group, queries.rows - begin);
    std::vector<TopK> best(static_cast<size_t>(n), TopK(top_k));
    SearchGroup(score, pool, chunks, queries.Rows(begin, n), top_k, &best);
    for (int64_t q = 0; q < n; ++q) {
      results[static_cast<size_t>(begin + q)] = best[static_cast<size_t>(q)].Take();
    }
  }
  return results;
}

}  // namespace bge::index
