#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bge {
namespace {

TEST(ThreadPool, CoversEveryItemOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t n : {0, 1, 2, 7, 1000}) {
      for (int64_t grain : {1, 3, 5000}) {
        std::vector<std::atomic<int>> hits(static_cast<size_t>(n));
        pool.ParallelFor(n, grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
        });
        pool.ParallelForEach(n, [&](int64_t i) { ++hits[static_cast<size_t>(i)]; });
        for (auto& h : hits) EXPECT_EQ(h, 2);
      }
    }
  }
}

TEST(ThreadPool, NestedLoopsRunInline) {
  ThreadPool pool(3);
  std::atomic<int> sum = 0;
  pool.ParallelForEach(10, [&](int64_t) {
    const auto outer = std::this_thread::get_id();
    pool.ParallelForEach(10, [&](int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), outer);
      ++sum;
    });
  });
  EXPECT_EQ(sum, 100);
}

TEST(ThreadPool, RethrowsAndStaysUsable) {
  ThreadPool pool(3);
  for (int round = 0; round < 100; ++round) {
    EXPECT_THROW(pool.ParallelForEach(50,
                                      [](int64_t i) {
                                        if (i == 17) throw std::runtime_error("x");
                                      }),
                 std::runtime_error);
  }
  std::atomic<int> n = 0;
  pool.ParallelForEach(50, [&](int64_t) { ++n; });
  EXPECT_EQ(n, 50);
}

TEST(ThreadPool, ServesSeveralCallersAtOnce) {
  ThreadPool pool(4);
  std::atomic<int64_t> total = 0;
  std::vector<std::jthread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round)
        pool.ParallelForEach(20, [&](int64_t i) { total += i; });
    });
  }
  callers.clear();
  EXPECT_EQ(total, 4 * 200 * 190);
}

TEST(DefaultThreads, IsPositive) { EXPECT_GE(DefaultThreads(), 1); }

}  // namespace
}  // namespace bge
