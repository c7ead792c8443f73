// x / max(|x|, 1e-12) (torch.nn.functional.normalize).
#include "kernels/ref/ops.h"

#include <algorithm>
#include <cmath>

namespace bge::ref {

void L2Normalize(Matrix x) {
  for (int64_t n = 0; n < x.rows; ++n) {
    double sum = 0.0;
    for (int64_t d = 0; d < x.cols; ++d) {
      sum += static_cast<double>(x.row(n)[d]) * static_cast<double>(x.row(n)[d]);
    }
    const double norm = std::max(std::sqrt(sum), 1e-12);
    for (int64_t d = 0; d < x.cols; ++d) {
      x.row(n)[d] = static_cast<float>(static_cast<double>(x.row(n)[d]) / norm);
    }
  }
}

}  // namespace bge::ref
