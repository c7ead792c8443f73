#include "kernels/numeric_report.h"

#include "base/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace bge {

std::string Difference::ToString() const {
  std::ostringstream s;
  s << "max abs " << max_abs << ", max rel " << max_rel << ", 1 - cosine " << 1.0 - cosine;
  if (offenders > 0) {
    s.precision(9);
    s << "; " << offenders << " beyond the tolerance, first [" << first_offender << "]: got "
      << actual_there << ", expected " << expected_there;
  }
  return s.str();
}

Difference Compare(std::span<const float> actual, std::span<const float> expected,
                   double abs_tolerance, double rel_tolerance) {
  BGE_CHECK(actual.size() == expected.size());
  Difference result;
  double aa = 0.0;
  double ee = 0.0;
  double ae = 0.0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double a = static_cast<double>(actual[i]);
    const double e = static_cast<double>(expected[i]);
    if (a == e || (std::isnan(a) && std::isnan(e))) {
      if (std::isfinite(a)) aa += a * a, ee += e * e, ae += a * e;
      continue;
    }
    const double diff = std::isfinite(a) && std::isfinite(e)
                            ? std::abs(a - e)
                            : std::numeric_limits<double>::infinity();
    result.max_abs = std::max(result.max_abs, diff);
    if (std::abs(e) >= 1e-30) result.max_rel = std::max(result.max_rel, diff / std::abs(e));
    if (std::isfinite(diff)) aa += a * a, ee += e * e, ae += a * e;
    if (!(diff <= abs_tolerance + rel_tolerance * std::abs(e))) {
      if (result.offenders++ == 0) {
        result.first_offender = static_cast<int64_t>(i);
        result.actual_there = actual[i];
        result.expected_there = expected[i];
      }
    }
  }
  if (aa > 0.0 && ee > 0.0) result.cosine = ae / std::sqrt(aa * ee);
  return result;
}

}  // namespace bge
