#include "apps/rank_agreement.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace bge::cli {
namespace {

std::vector<float> RandomRows(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> rows(n);
  for (float& x : rows) x = normal(random);
  return rows;
}

TEST(CompareRanks, IsOneForTheSameVectorsAtAnyScale) {
  const auto a = RandomRows(40 * 8, 1);
  auto b = a;
  for (float& x : b) x *= 3;
  const RankAgreement agreement = CompareRanks(a, b, 40, 8, 1e-5);
  EXPECT_EQ(agreement.top_k, 10);
  EXPECT_EQ(agreement.overlap, 1);
  EXPECT_NEAR(agreement.spearman, 1, 1e-4);
}

TEST(CompareRanks, IsLowForVectorsThatHaveNothingInCommon) {
  const RankAgreement agreement =
      CompareRanks(RandomRows(200 * 16, 1), RandomRows(200 * 16, 2), 200, 16, 1e-5);
  // By chance: 10 of 199.
  EXPECT_LT(agreement.overlap, 0.1);
  EXPECT_GT(agreement.overlap, 0.01);
  EXPECT_LT(agreement.spearman, 0.1);
  EXPECT_GT(agreement.spearman, -0.1);
}

TEST(CompareRanks, IsMinusOneForTheReverseOrder) {
  // Angles from the first text: 0, 20, 50 degrees against 0, 50, 20, with the third pair's cosine
  // between: the order of the three pairs is reversed.
  const std::vector<float> a = {1, 0, 0.9397f, 0.3420f, 0.6428f, 0.7660f};
  const RankAgreement same = CompareRanks(a, a, 3, 2, 0);
  EXPECT_EQ(same.top_k, 2);
  EXPECT_DOUBLE_EQ(same.spearman, 1);
  // Pairs of a: (0,1) 20, (0,2) 50, (1,2) 30 degrees; of b: 50, 20, 30 degrees.
  const std::vector<float> b = {1, 0, 0.6428f, 0.7660f, 0.9397f, 0.3420f};
  EXPECT_DOUBLE_EQ(CompareRanks(a, b, 3, 2, 0).spearman, -1);
}

TEST(CompareRanks, DoesNotMindTies) {
  // Fifty times the same text beside two others: which ten of them are neighbours says nothing.
  std::vector<float> a;
  for (int i = 0; i < 50; ++i) a.insert(a.end(), {1, 0});
  a.insert(a.end(), {0, 1, 0.5f, 0.5f});
  auto b = a;
  std::mt19937 random(3);
  for (float& x : b) x += 1e-7f * static_cast<float>(random() % 5);
  EXPECT_EQ(CompareRanks(a, b, 52, 2, 1e-5).overlap, 1);
}

TEST(CompareRanks, SurvivesZerosAndAllAlike) {
  const std::vector<float> zeros(5 * 2, 0.0f);
  EXPECT_EQ(CompareRanks(zeros, zeros, 5, 2, 0).spearman, 1);
  EXPECT_EQ(CompareRanks(zeros, RandomRows(10, 1), 5, 2, 0).spearman, 0);
  const RankAgreement two = CompareRanks(zeros, zeros, 2, 5, 0);
  EXPECT_EQ(two.top_k, 1);
  EXPECT_EQ(two.overlap, 1);
}

}  // namespace
}  // namespace bge::cli
