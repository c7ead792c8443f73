#include "base/parallel.h"

#include "base/error.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
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

TEST(ThreadPool, SurvivesAFork) {
#ifdef __SANITIZE_THREAD__
  // Its runtime keeps the parent's table of threads: it ends the child as soon as that starts one
  // ("dup thread with used id"), whatever the program does. All other builds run the test.
  GTEST_SKIP() << "ThreadSanitizer cannot start threads in a forked child";
#endif
  // The child uses the parent's pool, destroys it, and exits as a pre-forked server does; were any
  // of it to wait for a thread that the child does not have, the alarm would end it.
  auto pool = std::make_unique<ThreadPool>(3);
  std::atomic<int> n = 0;
  pool->ParallelForEach(50, [&](int64_t) { ++n; });
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(20);
    std::atomic<int> in_child = 0;
    std::set<std::thread::id> ids;
    std::mutex mu;
    pool->ParallelForEach(50, [&](int64_t) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++in_child;
      const std::lock_guard lock(mu);
      ids.insert(std::this_thread::get_id());
    });
    pool.reset();
    ::_exit(in_child == 50 && ids.size() > 1 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  pool->ParallelForEach(50, [&](int64_t) { ++n; });
  EXPECT_EQ(n, 100);
}

TEST(ThreadPool, SaysWhenThreadsCannotStart) {
  // In a child, whose limits are its own. Sanitizers need the address space themselves.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit = {.rlim_cur = 1u << 30, .rlim_max = 1u << 30};  // 8 MB of stack a thread
    ::setrlimit(RLIMIT_AS, &limit);
    int code = 1;
    try {
      ThreadPool pool(1000);
      pool.ParallelForEach(50, [](int64_t) {});
    } catch (const Error& e) {
      code = e.code() == ErrorCode::kOutOfMemory ? 0 : 2;
    }
    ::_exit(code);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
#endif
}

TEST(ThreadPool, KnowsHowManyThreadsALoopWouldHave) {
  ThreadPool pool(3);
  EXPECT_EQ(pool.available_threads(), 3);
  pool.ParallelForEach(2, [&](int64_t) { EXPECT_EQ(pool.available_threads(), 1); });
}

}  // namespace
}  // namespace bge
