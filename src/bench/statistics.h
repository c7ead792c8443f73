// What a list of measured times is summed up as.
#ifndef BGE_BENCH_STATISTICS_H_
#define BGE_BENCH_STATISTICS_H_

#include <algorithm>
#include <cstddef>
#include <vector>

namespace bge {

/// The value that `share` of the values (0 to 1) are below: of 200 values, share 0.99 gives the
/// third largest. 0 where there are none.
inline double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto index = static_cast<size_t>(static_cast<double>(values.size()) * share);
  return values[std::min(values.size() - 1, index)];
}

/// The middle value, or the mean of the two in the middle.
inline double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

}  // namespace bge

#endif  // BGE_BENCH_STATISTICS_H_
