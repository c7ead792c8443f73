#include "tokenizer/truncation.h"

#include "tests/expect_error.h"

#include <gtest/gtest.h>

namespace bge::tokenizer {
namespace {

using Strategy = TruncationStrategy;

std::pair<size_t, size_t> Kept(size_t first, std::optional<size_t> second, size_t most,
                               Strategy strategy = Strategy::kLongestFirst) {
  const KeptTokens kept = Truncate(first, second, most, strategy);
  return {kept.first, kept.second};
}
using Pair = std::pair<size_t, size_t>;

// Measured with tokenizers 0.23.3.
TEST(Truncation, LongestFirstKeepsTheShorterText) {
  EXPECT_EQ(Kept(3, 20, 9), Pair(3, 6));
  EXPECT_EQ(Kept(20, 3, 9), Pair(6, 3));
  EXPECT_EQ(Kept(20, 30, 9), Pair(4, 5));
  EXPECT_EQ(Kept(30, 20, 9), Pair(5, 4));
  EXPECT_EQ(Kept(9, 9, 9), Pair(4, 5));
  EXPECT_EQ(Kept(9, 8, 9), Pair(5, 4));
  EXPECT_EQ(Kept(12, 11, 10), Pair(5, 5));
}

TEST(Truncation, KeepsEverythingThatFits) {
  EXPECT_EQ(Kept(4, 5, 9, Strategy::kOnlySecond), Pair(4, 5));
  EXPECT_EQ(Kept(9, std::nullopt, 9), Pair(9, 0));
  EXPECT_EQ(Kept(10, std::nullopt, 9), Pair(9, 0));
  EXPECT_EQ(Kept(10, 10, 0, Strategy::kOnlyFirst), Pair(0, 0));
}

TEST(Truncation, CutsOnlyTheTextThatItMay) {
  EXPECT_EQ(Kept(10, 5, 9, Strategy::kOnlyFirst), Pair(4, 5));
  EXPECT_EQ(Kept(5, 10, 9, Strategy::kOnlySecond), Pair(5, 4));
  const auto first = test::ErrorOf([] { return Kept(3, 9, 9, Strategy::kOnlyFirst); });
  ASSERT_TRUE(first);
  EXPECT_EQ(first->code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(test::ErrorOf([] { return Kept(9, 3, 9, Strategy::kOnlySecond); }));
  EXPECT_TRUE(test::ErrorOf([] { return Kept(10, std::nullopt, 9, Strategy::kOnlySecond); }));
}

}  // namespace
}  // namespace bge::tokenizer
