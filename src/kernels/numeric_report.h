// Compares two float arrays and says in numbers how they differ: for tests.
#ifndef BGE_KERNELS_NUMERIC_REPORT_H_
#define BGE_KERNELS_NUMERIC_REPORT_H_

#include <cstdint>
#include <span>
#include <string>

namespace bge {

/// How `actual` differs from `expected`. Two NaN, or two equal infinities, do not differ.
struct Difference {
  double max_abs = 0.0;
  double max_rel = 0.0;        // |a - e| / |e|, over |e| >= 1e-30
  double cosine = 1.0;         // of the finite pairs
  int64_t first_offender = 0;  // index of the first beyond the tolerance
  int64_t offenders = 0;
  float actual_there = 0.0f;
  float expected_there = 0.0f;

  std::string ToString() const;
};

/// An element offends where |a - e| > abs_tolerance + rel_tolerance * |e|, or where only one is
/// NaN.
Difference Compare(std::span<const float> actual, std::span<const float> expected,
                   double abs_tolerance, double rel_tolerance);

}  // namespace bge

#endif  // BGE_KERNELS_NUMERIC_REPORT_H_
