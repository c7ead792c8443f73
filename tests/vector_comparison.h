// Comparing rows of vectors so that a failure says how far off they are and where it begins.
#ifndef BGE_TESTS_VECTOR_COMPARISON_H_
#define BGE_TESTS_VECTOR_COMPARISON_H_

#include <cstdint>
#include <span>
#include <string>

namespace bge::test {

/// Compares two matrices of `dimension` columns. Empty where all values are finite and within
/// tolerance; else one line with the largest absolute and relative difference, the lowest cosine of
/// two rows, how many values are off, and the first of them by row and column.
std::string DescribeDifference(std::span<const float> expected, std::span<const float> found,
                               int64_t dimension, double tolerance);

}  // namespace bge::test

#endif  // BGE_TESTS_VECTOR_COMPARISON_H_
