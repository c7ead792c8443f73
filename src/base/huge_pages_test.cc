#include "base/huge_pages.h"

#include "gtest/gtest.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace bge {
namespace {

bool IsZero(const std::byte* block, size_t bytes) {
  return std::all_of(block, block + bytes, [](std::byte b) { return b == std::byte{0}; });
}

TEST(HugePagesTest, BlocksAreAlignedZeroAndApart) {
  std::vector<std::pair<std::shared_ptr<std::byte>, size_t>> blocks;
  for (const size_t bytes : {size_t{1}, size_t{0}, size_t{63}, size_t{64}, size_t{4096},
                             size_t{1000003}, 3 * kHugePageBytes, 70 * kHugePageBytes, size_t{5}}) {
    const auto block = AllocateOnHugePages(bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block.get()) % 64, 0u);
    EXPECT_TRUE(IsZero(block.get(), bytes)) << bytes;
    std::memset(block.get(), 0xff, bytes);
    blocks.emplace_back(block, bytes);
  }
  std::ranges::sort(blocks);
  for (size_t i = 1; i < blocks.size(); ++i) {
    EXPECT_LE(blocks[i - 1].first.get() + blocks[i - 1].second, blocks[i].first.get());
  }
}

TEST(HugePagesTest, ABlockOutlivesItsNeighbours) {
  auto first = AllocateOnHugePages(100);
  auto second = AllocateOnHugePages(100);
  std::memset(second.get(), 7, 100);
  first.reset();
  EXPECT_TRUE(
      std::all_of(second.get(), second.get() + 100, [](std::byte b) { return b == std::byte{7}; }));
  // What was given back is not given away again while its piece lasts: blocks are always zero.
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(IsZero(AllocateOnHugePages(100).get(), 100));
}

TEST(HugePagesTest, PagesOfItsOwnAreWholeAndZeroAgain) {
  for (const size_t bytes : {size_t{0}, size_t{1}, kHugePageBytes - 1, 3 * kHugePageBytes}) {
    for (int again = 0; again < 3; ++again) {
      const auto block = MapHugePages(bytes);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(block.get()) % kHugePageBytes, 0u);
      ASSERT_TRUE(IsZero(block.get(), bytes));
      std::memset(block.get(), 0xff, bytes);
    }
  }
}

TEST(HugePagesTest, TakesNoMoreThanThereIs) {
  EXPECT_THROW(AllocateOnHugePages(std::numeric_limits<size_t>::max()), std::bad_alloc);
  EXPECT_THROW(AllocateOnHugePages(size_t{1} << 60), std::bad_alloc);
  EXPECT_THROW(MapHugePages(std::numeric_limits<size_t>::max()), std::bad_alloc);
  EXPECT_THROW(MapHugePages(size_t{1} << 60), std::bad_alloc);
  EXPECT_NE(AllocateOnHugePages(1), nullptr);
}

TEST(HugePagesTest, ManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> faults = 0;
  for (int t = 1; t <= 8; ++t) {
    threads.emplace_back([t, &faults] {
      for (int i = 0; i < 200; ++i) {
        const size_t bytes = 1000 + static_cast<size_t>(t) * 977;
        const auto block = AllocateOnHugePages(bytes);
        if (!IsZero(block.get(), bytes)) ++faults;
        std::memset(block.get(), t, bytes);
        std::this_thread::yield();
        for (size_t k = 0; k < bytes; ++k) faults += block.get()[k] != static_cast<std::byte>(t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
}

TEST(HugePagesTest, AForkedChildAllocates) {
  std::atomic<bool> stop = false;
  std::thread busy([&stop] {
    while (!stop) AllocateOnHugePages(1000);
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::alarm(20);  // a lock that nobody will open
      ::_exit(AllocateOnHugePages(1000) != nullptr ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  stop = true;
  busy.join();
}

}  // namespace
}  // namespace bge
