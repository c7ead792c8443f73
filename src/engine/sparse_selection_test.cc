#include "engine/sparse_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

using testing::ElementsAre;

TEST(KeepLargest, ByMagnitudeThenById) {
  const SparseVector all = {{1, 4, 6, 9}, {0.5f, -2.0f, 0.5f, 1.0f}};
  SparseVector some = all;
  KeepLargest(3, &some);
  EXPECT_THAT(some.token_ids, ElementsAre(1, 4, 9));
  EXPECT_THAT(some.weights, ElementsAre(0.5f, -2.0f, 1.0f));
  KeepLargest(1, &some);
  EXPECT_THAT(some.token_ids, ElementsAre(4));
  for (const int64_t count : {0, 4, 100}) {
    some = all;
    KeepLargest(count, &some);
    EXPECT_EQ(some.token_ids, all.token_ids);
  }
  SparseVector none;
  KeepLargest(2, &none);
  EXPECT_TRUE(none.weights.empty());
}

}  // namespace
}  // namespace bge
