#include "index/top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace bge::index {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The specification: sort everything.
std::vector<Candidate> SortAll(const std::vector<float>& scores, int64_t k) {
  std::vector<Candidate> all;
  for (size_t i = 0; i < scores.size(); ++i) {
    all.push_back({std::isnan(scores[i]) ? -kInfinity : scores[i], static_cast<int64_t>(i)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  all.resize(std::min(all.size(), static_cast<size_t>(k)));
  return all;
}

void ExpectSame(const std::vector<Candidate>& found, const std::vector<Candidate>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].row, expected[i].row) << "rank " << i;
    ASSERT_EQ(found[i].score, expected[i].score) << "rank " << i;
  }
}

TEST(TopK, EqualsSortingForAnyCutAndOrder) {
  std::mt19937 random(7);
  for (const int values : {1, 3, 50, 1000000}) {  // few values: many ties
    for (const size_t n : {0u, 1u, 63u, 64u, 65u, 1000u, 5000u}) {
      std::vector<float> scores(n);
      for (float& s : scores) s = static_cast<float>(static_cast<int>(random() % values)) - 2;
      for (const int64_t k : {0, 1, 2, 10, 64, 999, 1000, 6000}) {
        const std::vector<Candidate> expected = SortAll(scores, k);
        TopK whole(k);
        whole.Offer(scores, 0);
        ExpectSame(whole.Take(), expected);

        std::vector<std::pair<size_t, size_t>> cuts;
        for (size_t begin = 0; begin < n;) {
          const size_t size = std::min<size_t>(n - begin, 1 + random() % 300);
          cuts.emplace_back(begin, size);
          begin += size;
        }
        std::shuffle(cuts.begin(), cuts.end(), random);
        TopK parts[3] = {TopK(k), TopK(k), TopK(k)};
        for (const auto& [begin, size] : cuts) {
          parts[random() % 3].Offer({scores.data() + begin, size}, static_cast<int64_t>(begin));
        }
        parts[1].Merge(parts[2]);
        parts[1].Merge(parts[0]);
        ExpectSame(parts[1].Take(), expected);
      }
    }
  }
}

TEST(TopK, RanksNanWithMinusInfinity) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> scores = {nan, -kInfinity, 1, nan, kInfinity, -3};
  for (int i = 0; i < 300; ++i) scores.push_back(i % 7 == 0 ? nan : static_cast<float>(i % 40));
  for (const int64_t k : {1, 3, 5, 6, 7, 200, 270, 306}) {
    TopK top(k);
    top.Offer(scores, 0);
    ExpectSame(top.Take(), SortAll(scores, k));
  }
}

TEST(TopK, RowsComeInAscendingOrderWhereAllScoresAreEqual) {
  TopK top(5);
  const std::vector<float> scores(1000, 0.5f);
  top.Offer(scores, 1000);
  top.Offer(scores, 0);
  const std::vector<Candidate> best = top.Take();
  ASSERT_EQ(best.size(), 5u);
  for (size_t i = 0; i < best.size(); ++i) EXPECT_EQ(best[i].row, static_cast<int64_t>(i));
}

}  // namespace
}  // namespace bge::index
