#include "encoder/outlier_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace bge {
namespace {

using testing::ElementsAre;

TEST(OutlierColumns, AreThoseWithTheLargestGainsOverAllNorms) {
  const std::vector<float> gains = {1.0f, 3.0f, -4.0f, 0.5f, 0.0f, 1.0f,   // of one norm
                                    1.0f, 3.0f, 1.0f,  4.5f, 0.0f, 1.0f};  // and another
  EXPECT_THAT(OutlierColumns(gains, 6), ElementsAre(3, 1, 2, 0));
}

TEST(OutlierColumns, AreTheFirstWhereAllAreAlike) {
  EXPECT_THAT(OutlierColumns(std::vector<float>(20, 1.0f), 10), ElementsAre(0, 1, 2, 3));
}

TEST(OutlierColumns, AreAllOfANarrowModel) {
  EXPECT_THAT(OutlierColumns(std::vector<float>{1.0f, 2.0f}, 2), ElementsAre(1, 0));
  EXPECT_THAT(OutlierColumns({}, 0), ElementsAre());
}

TEST(OutlierColumns, AreInAnOrderWhateverTheGainsAre) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(OutlierColumns(std::vector<float>{kNan, 1.0f, kInfinity, 2.0f, 3e38f}, 5),
              ElementsAre(4, 3, 1, 0));
}

}  // namespace
}  // namespace bge
