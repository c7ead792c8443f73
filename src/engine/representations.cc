// Scores of two texts from their representations.
#include "bge/representations.h"

#include "base/error.h"
#include "base/parallel.h"
#include "base/per_thread.h"
#include "kernels/backend.h"
#include "tensor/workspace.h"

#include <algorithm>
#include <string>

namespace bge {

namespace {

ConstMatrix MatrixOf(const MultiVector& vector) {
  return {vector.values.data(), vector.count(), vector.dimension, vector.dimension};
}

float DenseScore(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) {
    Fail(ErrorCode::kInvalidArgument, "vectors of different models",
         "dense_vecs: found " + std::to_string(a.size()) + " and " + std::to_string(b.size()) +
             " values",
         "embed both texts with one model");
  }
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(sum);
}

void RequireAll(const TextRepresentations& texts, int64_t i) {
  const auto holds = [i](size_t size) { return i >= 0 && static_cast<size_t>(i) < size; };
  if (holds(static_cast<size_t>(texts.dense_vecs.count)) && holds(texts.lexical_weights.size()) &&
      holds(texts.colbert_vecs.size())) {
    return;
  }
  Fail(ErrorCode::kInvalidArgument, "a text without all three representations",
       "text " + std::to_string(i), "encode it with dense, sparse and colbert");
}

void RequireRows(const MultiVector& vectors) {
  const auto size = static_cast<int64_t>(vectors.values.size());
  if (vectors.dimension >= 0 && (vectors.dimension == 0 || size % vectors.dimension == 0)) return;
  Fail(ErrorCode::kInvalidArgument, "no vectors of one dimension",
       "colbert_vecs: found " + std::to_string(size) + " values of dimension " +
           std::to_string(vectors.dimension),
       "give whole vectors");
}

// Sum over the query's vectors of the largest inner product with one of the passage's.
double SumOfLargest(const MultiVector& query, const MultiVector& passage, ColbertClamp clamp) {
  RequireRows(query);
  RequireRows(passage);
  const int64_t rows = query.count();
  const int64_t columns = passage.count();
  if (rows == 0 || columns == 0) return 0;
  if (query.dimension != passage.dimension) {
    Fail(ErrorCode::kInvalidArgument, "vectors of different models",
         "colbert_vecs: found dimensions " + std::to_string(query.dimension) + " and " +
             std::to_string(passage.dimension),
         "embed both texts with one model");
  }
  // Of the thread: making them takes longer than the products of two short texts.
  struct Calling {
    ThreadPool pool{1};
    Workspace workspace;
  };
  static PerThread<Calling> calling;
  auto& [pool, workspace] = calling.Get();
  workspace.Reset();
  const OpContext context = {.pool = pool, .workspace = workspace};
  // A few vectors of the query at a time: 8192 times 8192 products would be 256 MB.
  constexpr int64_t kRowsAtOnce = 64;
  const Matrix products = workspace.NewMatrix(std::min(rows, kRowsAtOnce), columns);
  double sum = 0;
  for (int64_t r = 0; r < rows; r += kRowsAtOnce) {
    const int64_t n = std::min(kRowsAtOnce, rows - r);
    const ConstMatrix part(query.values.data() + r * query.dimension, n, query.dimension,
                           query.dimension);
    CpuBackend().DotProducts(context, part, MatrixOf(passage), products.Rows(0, n));
    for (int64_t i = 0; i < n; ++i) {
      const float largest = *std::max_element(products.row(i), products.row(i) + columns);
      sum += clamp == ColbertClamp::kZero ? std::max(largest, 0.0f) : largest;
    }
  }
  return sum;
}

}  // namespace

float LexicalMatchingScore(const SparseVector& a, const SparseVector& b) {
  for (const SparseVector* vector : {&a, &b}) {
    if (vector->token_ids.size() == vector->weights.size()) continue;
    Fail(ErrorCode::kInvalidArgument, "a sparse vector with as many ids as weights is expected",
         "lexical_weights: found " + std::to_string(vector->token_ids.size()) + " ids and " +
             std::to_string(vector->weights.size()) + " weights",
         "give each id one weight");
  }
  double sum = 0;
  size_t i = 0;
  size_t j = 0;
  while (i < a.token_ids.size() && j < b.token_ids.size()) {
    if (a.token_ids[i] < b.token_ids[j]) {
      ++i;
    } else if (b.token_ids[j] < a.token_ids[i]) {
      ++j;
    } else {
      sum += static_cast<double>(a.weights[i++]) * b.weights[j++];
    }
  }
  return static_cast<float>(sum);
}

float ColbertScore(const MultiVector& query, const MultiVector& passage, ColbertClamp clamp) {
  const int64_t rows = std::max<int64_t>(1, query.count());
  return static_cast<float>(SumOfLargest(query, passage, clamp) / static_cast<double>(rows));
}

float MaxSim(const MultiVector& query, const MultiVector& passage) {
  return static_cast<float>(SumOfLargest(query, passage, ColbertClamp::kNone));
}

M3Scores ComputeM3Scores(const TextRepresentations& queries, int64_t query,
                         const TextRepresentations& passages, int64_t passage,
                         const std::array<float, 3>& weights, ColbertClamp clamp) {
  RequireAll(queries, query);
  RequireAll(passages, passage);
  const auto [dense, sparse, colbert] = weights;
  if (!(dense + sparse + colbert > 0)) {
    Fail(ErrorCode::kInvalidArgument, "weights that no mean can be taken with",
         "they add up to " + std::to_string(dense + sparse + colbert),
         "give weights that add up to more than zero, such as 0.4,0.2,0.4");
  }
  const auto q = static_cast<size_t>(query);
  const auto p = static_cast<size_t>(passage);
  M3Scores scores;
  scores.dense = DenseScore(queries.dense_vecs[query], passages.dense_vecs[passage]);
  scores.sparse = LexicalMatchingScore(queries.lexical_weights[q], passages.lexical_weights[p]);
  scores.colbert = ColbertScore(queries.colbert_vecs[q], passages.colbert_vecs[p], clamp);
  const float both = dense * scores.dense + sparse * scores.sparse;
  scores.sparse_dense = dense + sparse > 0 ? both / (dense + sparse) : 0.0f;
  scores.colbert_sparse_dense = (both + colbert * scores.colbert) / (dense + sparse + colbert);
  return scores;
}

}  // namespace bge
