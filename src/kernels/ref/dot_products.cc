// scores[q][r] = queries[q] . rows[r].
#include "kernels/ref/ops.h"

namespace bge::ref {

void DotProducts(ConstMatrix queries, ConstMatrix rows, Matrix scores) {
  for (int64_t q = 0; q < queries.rows; ++q) {
    for (int64_t r = 0; r < rows.rows; ++r) {
      double sum = 0.0;
      for (int64_t d = 0; d < rows.cols; ++d) {
        sum += static_cast<double>(queries.row(q)[d]) * static_cast<double>(rows.row(r)[d]);
      }
      scores.row(q)[r] = static_cast<float>(sum);
    }
  }
}

}  // namespace bge::ref
