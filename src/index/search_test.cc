#include "index/search.h"

#include "index/test_index.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace bge::index {
namespace {

TEST(SearchRows, EqualRowsComeInRowOrder) {
  // Ten copies of each of 1,500 rows, 1,500 apart.
  const int64_t dimension = 20;
  const std::vector<float> once = RandomVectors(1500, dimension, 4);
  std::vector<float> rows;
  for (int copy = 0; copy < 10; ++copy) rows.insert(rows.end(), once.begin(), once.end());
  const std::vector<float> queries = RandomVectors(3, dimension, 5);
  for (const Backend* backend : AllBackends()) {
    for (const int threads : {1, 3}) {
      ThreadPool pool(threads);
      const auto results = SearchRows(*backend, pool, {rows.data(), 15000, dimension},
                                      {queries.data(), 3, dimension}, 25);
      for (const std::vector<Candidate>& best : results) {
        ASSERT_EQ(best.size(), 25u);
        for (size_t i = 0; i < best.size(); ++i) {
          // Three groups of equal rows: ten, ten, and the first five of the third.
          EXPECT_EQ(best[i].row, best[i / 10 * 10].row + static_cast<int64_t>(i % 10) * 1500)
              << backend->name() << ", rank " << i;
        }
        EXPECT_LT(best[0].row, 1500);
      }
    }
  }
}

TEST(SearchRows, HandlesEveryCountAroundABlock) {
  // 16,384 values a row: blocks of 16 rows.
  const int64_t dimension = 16384;
  const std::vector<float> rows = RandomVectors(70, dimension, 1);
  const std::vector<float> query = RandomVectors(1, dimension, 2);
  ThreadPool pool(2);
  const auto all = SearchRows(CpuBackend(), pool, {rows.data(), 70, dimension},
                              {query.data(), 1, dimension}, 70);
  for (const int64_t count : {0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65}) {
    const auto found = SearchRows(CpuBackend(), pool, {rows.data(), count, dimension},
                                  {query.data(), 1, dimension}, 70);
    std::vector<Candidate> expected;
    for (const Candidate& c : all[0]) {
      if (c.row < count) expected.push_back(c);
    }
    ASSERT_EQ(found[0].size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(found[0][i].row, expected[i].row) << count;
      EXPECT_NEAR(found[0][i].score, expected[i].score, 1e-6 * std::abs(expected[i].score))
          << count;
    }
  }
}

TEST(SearchRows, RanksRowsThatAreNotNumbersLast) {
  // What a damaged file may hold; Verify() finds it, a search must survive it.
  std::vector<float> rows = RandomVectors(100, 8, 1);
  rows[8 * 10] = std::nanf("");
  rows[8 * 50 + 3] = std::numeric_limits<float>::infinity();
  rows[8 * 50 + 4] = -std::numeric_limits<float>::infinity();
  const std::vector<float> query(8, 1.0f);
  ThreadPool pool(1);
  const auto best =
      SearchRows(CpuBackend(), pool, {rows.data(), 100, 8}, {query.data(), 1, 8}, 100);
  ASSERT_EQ(best[0].size(), 100u);
  EXPECT_EQ(best[0][98].row, 10);
  EXPECT_EQ(best[0][99].row, 50);
  for (size_t i = 0; i < 98; ++i) EXPECT_TRUE(std::isfinite(best[0][i].score)) << i;
}

}  // namespace
}  // namespace bge::index
