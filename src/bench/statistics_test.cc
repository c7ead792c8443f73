#include "bench/statistics.h"

#include <gtest/gtest.h>

namespace bge {
namespace {

TEST(Statistics, PercentilesAreValuesThatWereMeasured) {
  std::vector<double> values;
  for (int i = 200; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(Percentile(values, 0.50), 101);
  EXPECT_EQ(Percentile(values, 0.95), 191);
  EXPECT_EQ(Percentile(values, 0.99), 199);
  EXPECT_EQ(Percentile(values, 1.0), 200);
  EXPECT_EQ(Percentile({7}, 0.99), 7);
  EXPECT_EQ(Percentile({}, 0.5), 0);
}

TEST(Statistics, TheMedianOfAnEvenNumberLiesBetweenTwo) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(Median({}), 0);
}

}  // namespace
}  // namespace bge
