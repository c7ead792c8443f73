// Similarities of vectors: searches in memory on the library's kernels, and BGE-M3's scores.
#include "bge/error.h"
#include "bge/representations.h"
#include "bge/vectors.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "bindings/interruptible.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <string>

namespace nb = nanobind;
using namespace nb::literals;

namespace bge::python {

namespace {

using Vectors = ArrayIn<float, 2>;

MultiVector Copy(const Vectors& vectors) {
  MultiVector v;
  v.dimension = static_cast<int64_t>(vectors.shape(1));
  v.values.assign(vectors.data(), vectors.data() + vectors.size());
  return v;
}

void RequireOneDimension(const Vectors& queries, const Vectors& rows) {
  if (queries.shape(1) == rows.shape(1)) return;
  throw nb::value_error(("queries and rows: found vectors of " + std::to_string(queries.shape(1)) +
                         " and of " + std::to_string(rows.shape(1)) + " values")
                            .c_str());
}

// search(options) without the GIL, which Ctrl-C and a progress callback's exception end.
std::vector<std::vector<VectorHit>> RunSearch(
    const Vectors& queries, const Vectors& rows, VectorSearchOptions options, nb::object progress,
    const std::function<std::vector<std::vector<VectorHit>>(const VectorSearchOptions&)>& search) {
  std::stop_source stop;
  ProgressCall calls(std::move(progress), &stop);
  options.progress = calls.Function();
  options.stop = stop.get_token();
  std::vector<std::vector<VectorHit>> hits;
  // A product of a thousand values takes about as long as a few bytes of text.
  const size_t work = queries.shape(0) * rows.size() / 1024;
  try {
    RunInterruptibly(work, &stop, [&] { hits = search(options); });
  } catch (const Error&) {
    calls.Finish();
    throw;
  }
  calls.Finish();
  return hits;
}

// Scores and rows of the best of each query, both (Q, min(top_k, N)).
nb::object Search(const Vectors& queries, const Vectors& rows, int64_t top_k, bool cosine,
                  bool refuse_nan, int threads, nb::object progress) {
  RequireOneDimension(queries, rows);
  const auto dimension = static_cast<int64_t>(rows.shape(1));
  const VectorSearchOptions wanted = {
      .threads = threads, .cosine = cosine, .refuse_nan = refuse_nan};
  const auto hits = RunSearch(queries, rows, wanted, std::move(progress), [&](const auto& options) {
    return SearchVectors({queries.data(), queries.size()}, {rows.data(), rows.size()}, dimension,
                         top_k, options);
  });
  const size_t columns =
      hits.empty() ? std::min(rows.shape(0), static_cast<size_t>(top_k)) : hits[0].size();
  std::vector<float> scores;
  std::vector<int64_t> places;
  scores.reserve(hits.size() * columns);
  places.reserve(hits.size() * columns);
  for (const auto& of_query : hits) {
    for (const VectorHit& hit : of_query) {
      scores.push_back(hit.score);
      places.push_back(hit.row);
    }
  }
  return nb::make_tuple(NewArray(std::move(scores), {hits.size(), columns}),
                        NewArray(std::move(places), {hits.size(), columns}));
}

// CSR: of query q, entries [indptr[q], indptr[q + 1]) of rows and scores, best first.
nb::object Above(const Vectors& queries, const Vectors& rows, float threshold, int threads,
                 nb::object progress) {
  RequireOneDimension(queries, rows);
  const auto dimension = static_cast<int64_t>(rows.shape(1));
  const auto hits =
      RunSearch(queries, rows, {.threads = threads}, std::move(progress), [&](const auto& options) {
        return VectorsAbove({queries.data(), queries.size()}, {rows.data(), rows.size()}, dimension,
                            threshold, options);
      });
  size_t total = 0;
  for (const auto& of_query : hits) total += of_query.size();
  std::vector<int64_t> indptr = {0};
  std::vector<float> scores;
  std::vector<int64_t> places;
  scores.reserve(total);
  places.reserve(total);
  for (const auto& of_query : hits) {
    for (const VectorHit& hit : of_query) {
      scores.push_back(hit.score);
      places.push_back(hit.row);
    }
    indptr.push_back(static_cast<int64_t>(places.size()));
  }
  return nb::make_tuple(NewArray(std::move(indptr), {hits.size() + 1}),
                        NewArray(std::move(places), {total}), NewArray(std::move(scores), {total}));
}

// score(query, passage) of copies, without the GIL.
template <typename Score>
float Interaction(const Vectors& query, const Vectors& passage, const Score& score) {
  const MultiVector q = Copy(query);
  const MultiVector p = Copy(passage);
  const WithoutGil released;
  return score(q, p);
}

ColbertClamp ClampOf(bool zero) { return zero ? ColbertClamp::kZero : ColbertClamp::kNone; }

}  // namespace

void AddScores(nb::module_& m) {
  m.def(
      "colbert_score",
      [](const Vectors& query, const Vectors& passage, bool clamp) {
        return Interaction(query, passage, [&](const MultiVector& q, const MultiVector& p) {
          return ColbertScore(q, p, ClampOf(clamp));
        });
      },
      "query"_a, "passage"_a, "clamp"_a = false,
      "The mean over the query's vectors of the largest inner product with one of the passage's. "
      "clamp: at least 0 each, as where a batch pads passages.");
  m.def(
      "max_sim",
      [](const Vectors& query, const Vectors& passage) {
        return Interaction(query, passage, MaxSim);
      },
      "query"_a, "passage"_a, "The same sum, not divided.");
  m.def("search_vectors", &Search, "queries"_a, "rows"_a, "top_k"_a = 10, nb::kw_only(),
        "cosine"_a = false, "refuse_nan"_a = false, "threads"_a = 0,
        "progress"_a.none() = nb::none(),
        "For each query (Q, D) the rows (N, D) of highest inner product, or cosine, best first: "
        "scores float32 and row numbers int64, both (Q, min(top_k, N)). A NaN counts as -infinity; "
        "with refuse_nan it is a ValueError.");
  m.def("vectors_above", &Above, "queries"_a, "rows"_a, "threshold"_a, nb::kw_only(),
        "threads"_a = 0, "progress"_a.none() = nb::none(),
        "For each query (Q, D) all rows (N, D) whose inner product is at least the threshold, best "
        "first: indptr (Q + 1,), row numbers int64 and scores float32.");
}

}  // namespace bge::python
