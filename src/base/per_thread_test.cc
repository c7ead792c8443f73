#include "base/per_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace bge {
namespace {

std::atomic<int> living = 0;

struct Counted {
  Counted() { ++living; }
  ~Counted() { --living; }
  int value = 0;
};

TEST(PerThread, EachThreadHasItsOwnUntilItEnds) {
  static PerThread<Counted> counted;
  counted.Get().value = 1;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      EXPECT_EQ(counted.Get().value, 0);
      counted.Get().value = 10 + i;
      EXPECT_EQ(counted.Get().value, 10 + i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(living, 1);
  EXPECT_EQ(counted.Get().value, 1);
}

TEST(PerThread, ThatOfWhoDestroysItGoesWithIt) {
  const int before = living;
  {
    PerThread<Counted> counted;
    counted.Get();
    EXPECT_EQ(living, before + 1);
  }
  EXPECT_EQ(living, before);
}

}  // namespace
}  // namespace bge
