// Comparing rows of vectors so that a failure says how far off they are and where it begins.
#include "tests/vector_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace bge::test {
namespace {

double Cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  if (aa == 0 && bb == 0) return 1;
  return dot / std::sqrt(aa * bb);
}

}  // namespace

std::string DescribeDifference(std::span<const float> expected, std::span<const float> found,
                               int64_t dimension, double tolerance) {
  if (expected.size() != found.size()) {
    return fmt::format("expected {} values, found {}", expected.size(), found.size());
  }
  double max_absolute = 0;
  double max_relative = 0;
  size_t num_off = 0;
  size_t first_off = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(double{expected[i]} - found[i]);
    if (!(difference <= tolerance)) {  // also where it is not a number
      if (num_off++ == 0) first_off = i;
    }
    max_absolute = std::isnan(difference) ? difference : std::max(max_absolute, difference);
    max_relative =
        std::max(max_relative, difference / std::max(1e-30, std::abs(double{expected[i]})));
  }
  if (num_off == 0) return "";
  const auto columns = static_cast<size_t>(dimension);
  double min_cosine = 1;
  for (size_t row = 0; (row + 1) * columns <= expected.size(); ++row) {
    const double cosine =
        Cosine(expected.subspan(row * columns, columns), found.subspan(row * columns, columns));
    min_cosine = std::isnan(cosine) ? cosine : std::min(min_cosine, cosine);
  }
  return fmt::format(
      "max abs {:.3g} (tolerance {:.3g}), max rel {:.3g}, min cosine {:.9f}, {} of {} values off, "
      "first "
      "at row {} column {}: expected {:.9g}, found {:.9g}",
      max_absolute, tolerance, max_relative, min_cosine, num_off, expected.size(),
      first_off / columns, first_off % columns, expected[first_off], found[first_off]);
}

}  // namespace bge::test
