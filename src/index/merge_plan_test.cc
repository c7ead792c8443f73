#include "index/merge_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace bge::index {
namespace {

void Apply(const MergeRange& plan, std::vector<SegmentSize>* segments) {
  SegmentSize merged;
  for (size_t i = plan.begin; i < plan.end; ++i) merged.live += (*segments)[i].live;
  const auto at = segments->begin() + static_cast<std::ptrdiff_t>(plan.begin);
  segments->erase(at + 1, segments->begin() + static_cast<std::ptrdiff_t>(plan.end));
  *at = merged;
}

TEST(PlanMerge, LeavesSegmentsThatShrinkFastEnough) {
  EXPECT_FALSE(PlanMerge({}));
  EXPECT_FALSE(PlanMerge(std::vector<SegmentSize>{{5, 5}}));
  EXPECT_FALSE(PlanMerge(std::vector<SegmentSize>{{100, 0}, {40, 0}, {20, 0}, {1, 0}}));
}

TEST(PlanMerge, MergesFromTheFirstThatIsTooSmall) {
  const auto plan = PlanMerge(std::vector<SegmentSize>{{100, 0}, {10, 0}, {11, 0}, {1, 0}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->begin, 1u);
  EXPECT_EQ(plan->end, 4u);
}

TEST(PlanMerge, WritesASegmentAgainThatIsMostlyDeleted) {
  const auto plan = PlanMerge(std::vector<SegmentSize>{{100, 90}, {10, 11}, {1, 0}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->begin, 1u);
  EXPECT_EQ(plan->end, 2u);
}

TEST(PlanMerge, GoesAroundDamage) {
  EXPECT_FALSE(PlanMerge(std::vector<SegmentSize>{{1, 0, true}}));
  EXPECT_FALSE(PlanMerge(std::vector<SegmentSize>{{1, 9, true}, {1, 0}, {9, 0, true}}));
  // Each side by its own rules, the older one first.
  std::vector<SegmentSize> segments = {{5, 0}, {5, 0}, {1, 0, true}, {7, 0}, {8, 0}};
  auto plan = PlanMerge(segments);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->begin, 0u);
  EXPECT_EQ(plan->end, 2u);
  Apply(*plan, &segments);
  plan = PlanMerge(segments);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->begin, 2u);
  EXPECT_EQ(plan->end, 4u);
  Apply(*plan, &segments);
  EXPECT_FALSE(PlanMerge(segments));
}

TEST(PlanMerge, KeepsSegmentsFewAndWritesEachRowSeldom) {
  std::minstd_rand random(5);
  for (const int64_t largest : {int64_t{1}, int64_t{7}, int64_t{1000}}) {
    std::vector<SegmentSize> segments;
    int64_t rows = 0;
    int64_t written = 0;
    for (int commit = 0; commit < 5000; ++commit) {
      const int64_t added = 1 + static_cast<int64_t>(random()) % largest;
      segments.push_back({added, 0});
      rows += added;
      written += added;
      while (const auto plan = PlanMerge(segments)) {
        Apply(*plan, &segments);
        written += segments[plan->begin].live;
      }
      ASSERT_LE(static_cast<double>(segments.size()), std::log2(static_cast<double>(rows)) + 1);
    }
    EXPECT_LE(static_cast<double>(written),
              static_cast<double>(rows) * (2 + std::log2(static_cast<double>(rows))));
  }
}

}  // namespace
}  // namespace bge::index
