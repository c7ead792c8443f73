#include "bge/vectors.h"

#include "index/test_index.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <thread>

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

std::vector<float> UnitVectors(std::vector<float> vectors, int64_t dimension) {
  for (size_t begin = 0; begin < vectors.size(); begin += static_cast<size_t>(dimension)) {
    double sum = 0;
    for (int64_t i = 0; i < dimension; ++i) {
      const double value = vectors[begin + static_cast<size_t>(i)];
      sum += value * value;
    }
    for (int64_t i = 0; i < dimension; ++i) {
      float& value = vectors[begin + static_cast<size_t>(i)];
      value = static_cast<float>(value / std::sqrt(sum));
    }
  }
  return vectors;
}

TEST(SearchVectors, FindsCosines) {
  for (const int64_t dimension : {2, 7, 64, 85}) {
    std::vector<float> rows = RandomVectors(3000, dimension, 1);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] *= static_cast<float>(i % 1000) + 0.5F;
    std::vector<float> queries = RandomVectors(70, dimension, 2);
    for (float& value : queries) value *= 30;
    const std::vector<float> unit_rows = UnitVectors(rows, dimension);
    const std::vector<float> unit_queries = UnitVectors(queries, dimension);
    for (const int threads : {1, 3}) {
      const VectorSearchOptions cosine = {.threads = threads, .cosine = true, .refuse_nan = true};
      const auto found = SearchVectors(queries, rows, dimension, 9, cosine);
      const auto above = VectorsAbove(queries, rows, dimension, 0.5F, cosine);
      ASSERT_EQ(found.size(), 70u);
      for (size_t q = 0; q < found.size(); ++q) {
        const auto expected = Expected(unit_queries.data() + q * static_cast<size_t>(dimension),
                                       unit_rows, dimension);
        ASSERT_EQ(found[q].size(), 9u);
        for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(found[q][i].score, expected[i].score, 1e-6);
        for (size_t i = 0; i < above[q].size(); ++i) {
          EXPECT_NEAR(above[q][i].score, expected[i].score, 1e-6);
        }
        EXPECT_TRUE(above[q].size() == 3000 || expected[above[q].size()].score < 0.5F + 1e-6F);
      }
    }
  }
}

TEST(SearchVectors, CosinesOfStrangeLengths) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> rows = {0,    0, 3e30F, 3e30F,    1e-20F, 0,  5,     0,
                                   1e5F, 0, 1e5F,  infinity, 0,      -2, 5e-7F, 1};
  const std::vector<float> query = {2, 0};
  const auto hits = SearchVectors(query, rows, 2, 8, {.cosine = true})[0];
  std::vector<float> scores(8);
  for (const VectorHit& hit : hits) scores[static_cast<size_t>(hit.row)] = hit.score;
  EXPECT_EQ(scores[0], 0);            // no direction
  EXPECT_EQ(scores[1], 0);            // its square is infinite
  EXPECT_FLOAT_EQ(scores[2], 1e-8F);  // shorter than 1e-12
  EXPECT_EQ(scores[3], 1);
  EXPECT_EQ(scores[4], 1);
  EXPECT_EQ(scores[5], -infinity);  // NaN
  EXPECT_EQ(hits[0].row, 3);        // of equal ones the lower
  EXPECT_EQ(hits[1].row, 4);
  EXPECT_EQ(hits[7].row, 5);
  const std::vector<float> both = {1, 1};
  const std::vector<float> longest = {3e38F, 3e38F};  // even the product is infinite
  EXPECT_EQ(SearchVectors(both, longest, 2, 1, {.cosine = true})[0][0].score, 0);
}

TEST(SearchVectors, LeavesVectorsOfUnitLength) {
  const int64_t dimension = 48;
  const std::vector<float> rows = UnitVectors(RandomVectors(500, dimension, 1), dimension);
  const std::vector<float> query(rows.begin() + 5 * dimension, rows.begin() + 6 * dimension);
  const auto products = SearchVectors(query, rows, dimension, 500)[0];
  const auto cosines = SearchVectors(query, rows, dimension, 500, {.cosine = true})[0];
  // The query was divided, which changes its last digits.
  for (size_t i = 0; i < products.size(); ++i) {
    EXPECT_NEAR(cosines[i].score, products[i].score, 2e-7F);
  }
}

TEST(SearchVectors, RefusesNaN) {
  const float nan = std::nanf("");
  const float infinity = std::numeric_limits<float>::infinity();
  const int64_t dimension = 32;
  const VectorSearchOptions refusing = {.threads = 3, .refuse_nan = true};
  for (const size_t place : {size_t{0}, size_t{40007}, size_t{99999 * 32 + 31}}) {
    std::vector<float> rows(100000 * 32, 0.5F);
    const std::vector<float> query(32, 0);
    EXPECT_EQ(SearchVectors(query, rows, dimension, 1, refusing)[0][0].row, 0);
    for (const float value : {nan, infinity}) {  // 0 times infinity
      rows[place] = value;
      for (const bool cosine : {false, true}) {
        const VectorSearchOptions options = {.threads = 3, .cosine = cosine, .refuse_nan = true};
        EXPECT_EQ(ErrorOf([&] { SearchVectors(query, rows, dimension, 1, options); }),
                  "invalid_argument: vectors cannot be compared: found NaN among the scores: give "
                  "vectors of finite numbers");
        EXPECT_NE(ErrorOf([&] { VectorsAbove(query, rows, dimension, 0, options); }), "");
      }
      EXPECT_EQ(SearchVectors(query, rows, dimension, 1)[0].size(), 1u);
    }
    EXPECT_EQ(SearchVectors(query, rows, dimension, 0, refusing)[0].size(), 0u);
  }
}

std::set<std::string> Threads() {
  std::set<std::string> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    threads.insert(entry.path().filename().string());
  }
  return threads;
}

TEST(SearchVectors, StartsNoThreadWithoutWorkAndKeepsThem) {
  const auto before = Threads();
  const std::vector<float> few = RandomVectors(100, 64, 1);
  SearchVectors({few.data(), 64}, few, 64, 5, {.threads = 40});
  VectorsAbove({few.data(), 64}, few, 64, 5, {.threads = 40});
  EXPECT_EQ(Threads(), before);
  const std::vector<float> more = RandomVectors(12000, 64, 1);  // 3 MB
  const auto expected = SearchVectors({few.data(), 64}, more, 64, 5, {.threads = 1})[0];
  EXPECT_EQ(Threads(), before);
  const auto search = [&] {
    const auto found = SearchVectors({few.data(), 64}, more, 64, 5, {.threads = 40})[0];
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(found[i].row, expected[i].row);
  };
  search();
  const auto after = Threads();
  EXPECT_GT(after.size(), 1u);  // maybe kept from another test
  EXPECT_LE(after.size(), before.size() + 2);
  search();
  EXPECT_EQ(Threads(), after);
}

TEST(SearchVectors, AreThreadSafe) {
  const std::vector<float> rows = RandomVectors(12000, 64, 1);
  const auto expected = SearchVectors({rows.data(), 640}, rows, 64, 5, {.threads = 1});
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&, caller] {
      for (int call = 0; call < 20; ++call) {
        // Numbers of threads that drop each other's pools.
        const auto found =
            SearchVectors({rows.data(), 640}, rows, 64, 5, {.threads = 2 + (caller + call) % 6});
        for (size_t q = 0; q < found.size(); ++q) {
          for (size_t i = 0; i < 5; ++i) EXPECT_EQ(found[q][i].row, expected[q][i].row);
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(SearchVectors, WorksInForkedChildren) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer cannot start threads in a forked child";
#endif
  const std::vector<float> rows = RandomVectors(12000, 64, 1);
  const auto search = [&] {
    return SearchVectors({rows.data(), 640}, rows, 64, 1, {.threads = 4})[3][0].row;
  };
  const int64_t expected = search();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(20);
    const size_t threads = Threads().size();
    ::_exit(search() == expected && Threads().size() > threads ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
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
