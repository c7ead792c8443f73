#include "encoder/relative_buckets.h"

#include "kernels/backend.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace bge {
namespace {

// Where MPNetEncoder.relative_position_bucket(torch.arange(-300, 301)) changes, and to what
// (transformers 5.23.0, torch 2.13.0).
TEST(MpnetBucket, IsThatOfTransformers) {
  const std::vector<std::pair<int64_t, int64_t>> changes = {
      {-300, 15}, {-90, 14}, {-63, 13}, {-45, 12}, {-31, 11}, {-22, 10}, {-15, 9}, {-11, 8},
      {-7, 7},    {-6, 6},   {-5, 5},   {-4, 4},   {-3, 3},   {-2, 2},   {-1, 1},  {0, 0},
      {1, 17},    {2, 18},   {3, 19},   {4, 20},   {5, 21},   {6, 22},   {7, 23},  {8, 24},
      {12, 25},   {16, 26},  {23, 27},  {32, 28},  {46, 29},  {64, 30},  {91, 31}};
  size_t next = 0;
  int64_t expected = 0;
  for (int64_t distance = -300; distance <= 300; ++distance) {
    if (next < changes.size() && changes[next].first == distance) expected = changes[next++].second;
    EXPECT_EQ(MpnetBucket(distance), expected) << distance;
  }
  EXPECT_EQ(next, changes.size());
}

TEST(MpnetBiasByDistance, HasTheBucketsOfAllDistances) {
  constexpr int64_t kHeads = 3;
  std::vector<float> table;
  for (int64_t i = 0; i < (kMpnetBuckets + 4) * kHeads; ++i) table.push_back(static_cast<float>(i));
  const std::vector<float> values = MpnetBiasByDistance(table, kHeads);
  const RelativeBias bias = {values, kMpnetFarthest};
  ASSERT_EQ(values.size(), kHeads * (2 * kMpnetFarthest + 1));
  for (int64_t head = 0; head < kHeads; ++head) {
    for (int64_t distance = -600; distance <= 600; ++distance) {
      EXPECT_EQ(bias.At(head, distance),
                table[static_cast<size_t>(MpnetBucket(distance) * kHeads + head)])
          << distance;
    }
  }
}

}  // namespace
}  // namespace bge
