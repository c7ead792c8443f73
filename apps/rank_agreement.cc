#include "apps/rank_agreement.h"

#include "base/error.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace bge::cli {
namespace {

constexpr size_t kNeighbours = 10;

// The rows scaled to length 1; rows of zeros, or with values that are not finite, become zeros.
std::vector<float> Normalized(std::span<const float> rows, size_t dimension) {
  std::vector<float> unit(rows.begin(), rows.end());
  for (size_t begin = 0; begin < unit.size(); begin += dimension) {
    const std::span<float> row(unit.data() + begin, dimension);
    double sum = 0;
    for (const float x : row) sum += static_cast<double>(x) * x;
    const double scale = sum > 0 && std::isfinite(sum) ? 1 / std::sqrt(sum) : 0;
    for (float& x : row) x = scale == 0 ? 0 : static_cast<float>(x * scale);
  }
  return unit;
}

// Cosines of all pairs: [texts, texts].
std::vector<float> Cosines(std::span<const float> rows, size_t texts, size_t dimension) {
  const std::vector<float> unit = Normalized(rows, dimension);
  std::vector<float> cosines(texts * texts);
  for (size_t i = 0; i < texts; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      const float* const x = unit.data() + i * dimension;
      const float* const y = unit.data() + j * dimension;
      // Four sums, so that they overlap.
      float sums[4] = {};
      size_t d = 0;
      for (; d + 4 <= dimension; d += 4) {
        for (size_t k = 0; k < 4; ++k) sums[k] += x[d + k] * y[d + k];
      }
      for (; d < dimension; ++d) sums[0] += x[d] * y[d];
      const float cosine = (sums[0] + sums[1]) + (sums[2] + sums[3]);
      cosines[i * texts + j] = cosine;
      cosines[j * texts + i] = cosine;
    }
  }
  return cosines;
}

// The texts but `self`, best first, as far as the first top_k.
std::vector<size_t> Neighbours(std::span<const float> cosines, size_t self, size_t top_k) {
  std::vector<size_t> order;
  for (size_t i = 0; i < cosines.size(); ++i) {
    if (i != self) order.push_back(i);
  }
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(top_k), order.end(),
                    [&](size_t i, size_t j) {
                      return cosines[i] != cosines[j] ? cosines[i] > cosines[j] : i < j;
                    });
  order.resize(top_k);
  return order;
}

double Overlap(std::span<const float> by_a, std::span<const float> by_b, size_t texts, size_t top_k,
               double tolerance) {
  double shared = 0;
  for (size_t i = 0; i < texts; ++i) {
    const auto row_a = by_a.subspan(i * texts, texts);
    const auto row_b = by_b.subspan(i * texts, texts);
    const double bound = row_b[Neighbours(row_b, i, top_k).back()] - tolerance;
    for (const size_t j : Neighbours(row_a, i, top_k)) {
      if (row_b[j] >= bound) ++shared;
    }
  }
  return shared / static_cast<double>(texts * top_k);
}

// Ranks from 0; equal values share the mean of their ranks.
std::vector<float> Ranks(const std::vector<float>& values) {
  std::vector<uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&values](uint32_t i, uint32_t j) { return values[i] < values[j]; });
  std::vector<float> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const auto mean = static_cast<float>(static_cast<double>(begin + end - 1) / 2);
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = mean;
    begin = end;
  }
  return ranks;
}

double Correlation(const std::vector<float>& x, const std::vector<float>& y) {
  const double mean = static_cast<double>(x.size() - 1) / 2;  // of ranks, ties or not
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean;
    const double dy = y[i] - mean;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  // All values of a set alike: there is no order to compare, unless both say so.
  if (xx == 0 || yy == 0) return xx == yy ? 1 : 0;
  return xy / std::sqrt(xx * yy);
}

std::vector<float> Pairs(std::span<const float> cosines, size_t texts) {
  std::vector<float> pairs;
  pairs.reserve(texts * (texts - 1) / 2);
  for (size_t i = 0; i < texts; ++i) {
    const auto row = cosines.subspan(i * texts, i);
    pairs.insert(pairs.end(), row.begin(), row.end());
  }
  return pairs;
}

}  // namespace

RankAgreement CompareRanks(std::span<const float> a, std::span<const float> b, int64_t texts,
                           int64_t dimension, double tolerance) {
  const auto n = static_cast<size_t>(texts);
  const auto d = static_cast<size_t>(dimension);
  BGE_CHECK(n >= 2 && a.size() == n * d && b.size() == n * d);
  const std::vector<float> by_a = Cosines(a, n, d);
  const std::vector<float> by_b = Cosines(b, n, d);
  const size_t top_k = std::min(kNeighbours, n - 1);
  RankAgreement agreement;
  agreement.texts = texts;
  agreement.top_k = static_cast<int64_t>(top_k);
  agreement.overlap = Overlap(by_a, by_b, n, top_k, tolerance);
  agreement.spearman = Correlation(Ranks(Pairs(by_a, n)), Ranks(Pairs(by_b, n)));
  return agreement;
}

}  // namespace bge::cli
