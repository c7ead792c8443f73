#include "bge/vectors.h"

#include "index/test_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace bge::index {
namespace {

// All pairs, in double, best first.
std::vector<VectorHit> Expected(const float* query, const std::vector<float>& rows,
                                int64_t dimension) {
  std::vector<VectorHit> hits;
  for (int64_t r = 0; r < static_cast<int64_t>(rows.size()) / dimension; ++r) {
    double sum = 0;
    for (int64_t i = 0; i < dimension; ++i) {
      sum += static_cast<double>(query[i]) * rows[static_cast<size_t>(r * dimension + i)];
    }
    hits.push_back({r, static_cast<float>(sum)});
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const VectorHit& a, const VectorHit& b) { return a.score > b.score; });
  return hits;
}

void ExpectScores(const std::vector<VectorHit>& found, const std::vector<VectorHit>& expected,
                  size_t count) {
  ASSERT_EQ(found.size(), count);
  for (size_t i = 0; i < count; ++i) EXPECT_NEAR(found[i].score, expected[i].score, 1e-4) << i;
}

TEST(SearchVectors, FindsTheBestOfEachQuery) {
  for (const int64_t dimension : {1, 7, 64}) {
    const std::vector<float> rows = RandomVectors(1000, dimension, 1);
    const std::vector<float> queries = RandomVectors(130, dimension, 2);  // three groups
    for (const int threads : {1, 3}) {
      const auto found = SearchVectors(queries, rows, dimension, 9, {.threads = threads});
      ASSERT_EQ(found.size(), 130u);
      for (size_t q = 0; q < found.size(); ++q) {
        ExpectScores(found[q],
                     Expected(queries.data() + q * static_cast<size_t>(dimension), rows, dimension),
                     9);
      }
    }
  }
}

TEST(SearchVectors, GivesNoMoreThanThereIs) {
  const std::vector<float> rows = {1, 2, 3};
  const std::vector<float> query = {1};
  EXPECT_EQ(SearchVectors(query, rows, 1, 10)[0].size(), 3u);
  EXPECT_EQ(SearchVectors(query, rows, 1, 0)[0].size(), 0u);
  EXPECT_EQ(SearchVectors(query, {}, 1, 10)[0].size(), 0u);
  EXPECT_TRUE(SearchVectors({}, rows, 1, 10).empty());
}

TEST(SearchVectors, SaysWhatIsWrong) {
  const std::vector<float> rows = {1, 2, 3};
  const std::vector<float> two = {1, 2};
  EXPECT_EQ(ErrorOf([&] { SearchVectors(two, rows, 2, 1); }),
            "invalid_argument: rows have the wrong length: found 3 values, expected a multiple of "
            "2: give vectors of one dimension");
  EXPECT_NE(ErrorOf([&] { SearchVectors(two, rows, 0, 1); }), "");
  EXPECT_NE(ErrorOf([&] { SearchVectors(rows, rows, 1, -1); }), "");
  EXPECT_NE(ErrorOf([&] { SearchVectors(rows, rows, 1, 1, {.threads = -1}); }), "");
  EXPECT_NE(ErrorOf([&] { SearchVectors(rows, rows, 1, 1, {.threads = 1025}); }), "");
  EXPECT_NE(ErrorOf([&] { VectorsAbove(two, rows, 2, 1); }), "");
}

TEST(SearchVectors, Stops) {
  const std::vector<float> rows = {1, 2, 3};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(
      ErrorOf([&] { SearchVectors(rows, rows, 1, 1, {.stop = stop.get_token()}); }).substr(0, 9),
      "cancelled");
  EXPECT_EQ(
      ErrorOf([&] { VectorsAbove(rows, rows, 1, 1, {.stop = stop.get_token()}); }).substr(0, 9),
      "cancelled");
}

TEST(VectorsAbove, FindsAllOfEachQuery) {
  const int64_t dimension = 12;
  const std::vector<float> rows = RandomVectors(3000, dimension, 1);
  const std::vector<float> queries =
      RandomVectors(1100, dimension, 2);  // more than are done at once
  const float threshold = 6.5F;
  for (const int threads : {1, 3}) {
    int64_t last = 0;
    const auto found =
        VectorsAbove(queries, rows, dimension, threshold,
                     {.threads = threads, .progress = [&](int64_t done, int64_t) { last = done; }});
    EXPECT_EQ(last, 1100);
    ASSERT_EQ(found.size(), 1100u);
    for (size_t q = 0; q < found.size(); q += 57) {
      const auto expected =
          Expected(queries.data() + q * static_cast<size_t>(dimension), rows, dimension);
      size_t least = 0;  // those that no rounding takes below the threshold
      size_t most = 0;
      for (const VectorHit& hit : expected) {
        least += hit.score >= threshold + 1e-4F ? 1 : 0;
        most += hit.score >= threshold - 1e-4F ? 1 : 0;
      }
      EXPECT_GE(found[q].size(), least);
      EXPECT_LE(found[q].size(), most);
      ExpectScores(found[q], expected, found[q].size());
    }
  }
}

TEST(VectorsAbove, TakesWhatEqualsTheThreshold) {
  const std::vector<float> rows = {0.5F, 0.75F, 0.25F, 0.5F, std::nanf("")};
  const std::vector<float> query = {1};
  const auto found = VectorsAbove(query, rows, 1, 0.5F)[0];
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].row, 1);
  EXPECT_EQ(found[1].row, 0);
  EXPECT_EQ(found[2].row, 3);
  EXPECT_TRUE(VectorsAbove(query, rows, 1, std::numeric_limits<float>::infinity())[0].empty());
}

}  // namespace
}  // namespace bge::index
