#include "tensor/workspace.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <utility>

namespace bge {
namespace {

TEST(Workspace, AllocationsAreAlignedAndDisjoint) {
  Workspace workspace;
  auto* a = static_cast<char*>(workspace.Allocate(1));
  auto* b = static_cast<char*>(workspace.Allocate(100));
  auto* c = static_cast<char*>(workspace.Allocate(1 << 20));  // larger than the first block
  for (char* p : {a, b, c}) EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 64, 0u);
  std::memset(a, 1, 1);
  std::memset(b, 2, 100);
  std::memset(c, 3, 1 << 20);
  EXPECT_EQ(*a, 1);
  EXPECT_EQ(b[99], 2);
}

TEST(Workspace, BlocksOfEverySizeHoldWhatIsWritten) {
  Workspace workspace;
  for (const size_t bytes :
       {size_t{300} * 1024, size_t{1} << 20, (size_t{2} << 20) - 1, size_t{5} << 20}) {
    std::memset(workspace.Allocate(bytes), 1, bytes);
    EXPECT_GE(workspace.capacity_bytes(), bytes);
  }
  const size_t capacity = workspace.capacity_bytes();
  EXPECT_LE(capacity, size_t{12} << 20);  // less than a huge page lost of each
  workspace.Reset();
  Workspace moved = std::move(workspace);
  std::memset(moved.Allocate(capacity), 2, capacity);
  EXPECT_LT(moved.capacity_bytes(), capacity + (size_t{2} << 20));
}

TEST(Workspace, ResetKeepsWhatWasNeededAsOneBlock) {
  Workspace workspace;
  for (int i = 0; i < 8; ++i) workspace.Allocate(200 * 1024);
  workspace.Reset();
  workspace.Allocate(1);
  const size_t capacity = workspace.capacity_bytes();
  EXPECT_GE(capacity, 8u * 200 * 1024);
  workspace.Reset();
  for (int i = 0; i < 8; ++i) workspace.Allocate(200 * 1024);
  EXPECT_EQ(workspace.capacity_bytes(), capacity);  // no further allocation
}

}  // namespace
}  // namespace bge
