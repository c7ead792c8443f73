// Similarities of vectors: searches in memory on the library's kernels, and BGE-M3's scores.
#include "bge/representations.h"

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/interruptible.h"

#include <nanobind/stl/string.h>

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

ColbertClamp ClampOf(bool zero) { return zero ? ColbertClamp::kZero : ColbertClamp::kNone; }

}  // namespace

void AddScores(nb::module_& m) {
  m.def(
      "colbert_score",
      [](const Vectors& query, const Vectors& passage, bool clamp) {
        return ColbertScore(Copy(query), Copy(passage), ClampOf(clamp));
      },
      "query"_a, "passage"_a, "clamp"_a = false,
      "The mean over the query's vectors of the largest inner product with one of the passage's. "
      "clamp: at least 0 each, as where a batch pads passages.");
  m.def(
      "max_sim",
      [](const Vectors& query, const Vectors& passage) {
        return MaxSim(Copy(query), Copy(passage));
      },
      "query"_a, "passage"_a, "The same sum, not divided.");
}

}  // namespace bge::python
