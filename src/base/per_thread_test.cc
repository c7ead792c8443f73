#include "base/per_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <future>
#include <new>
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

// As where a static object's threads end after the statics that were made later.
TEST(PerThread, ThreadsMayEndAfterIt) {
  const int before = living;
  std::promise<void> has_one;
  std::promise<void> may_end;
  alignas(PerThread<Counted>) static std::byte memory[sizeof(PerThread<Counted>)];
  auto* const counted = new (memory) PerThread<Counted>;
  std::thread thread([&] {
    counted->Get();
    has_one.set_value();
    may_end.get_future().wait();
  });
  has_one.get_future().wait();
  counted->~PerThread<Counted>();
  EXPECT_EQ(living, before + 1);
  may_end.set_value();
  thread.join();
  EXPECT_EQ(living, before + 1);
}

// Threads that come and go, many at once.
TEST(PerThread, ThreadsTakeTurns) {
  const int before = living;
  {
    PerThread<Counted> counted;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 200; ++k) {
          std::thread([&] { EXPECT_EQ(counted.Get().value++, 0); }).join();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(living, before);
  }
  EXPECT_EQ(living, before);
}

}  // namespace
}  // namespace bge
