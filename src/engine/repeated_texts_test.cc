#include "engine/repeated_texts.h"

#include "base/keyed_hash.h"
#include "engine/test_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class RepeatedTextsTest : public testing::Test {
 protected:
  // `window`: texts that are looked at at once.
  void Find(const std::vector<std::string_view>& texts, int64_t max_length = 100,
            int64_t window = 1000) {
    computed_.clear();
    copies_.clear();
    const TextTokenizer how = {
        .tokenizer = tokenizer_, .prompt = "", .max_length = max_length, .hash = hash_};
    const auto size = static_cast<int64_t>(texts.size());
    RepeatFinder finder(texts);
    for (int64_t begin = 0; begin < size; begin += window) {
      TokenizedTexts tokens(texts, begin, std::min(begin + window, size));
      for (int64_t b = 0; b < tokens.num_blocks(); ++b) tokens.TokenizeBlock(how, b);
      const RepeatedTexts found = finder.Find(tokens);
      computed_.insert(computed_.end(), found.computed.begin(), found.computed.end());
      for (const auto& [from, to] : found.copies) copies_.emplace_back(from, to);
    }
  }

  const Tokenizer tokenizer_ = test::TwoWordTokenizer();
  std::function<uint64_t(std::span<const std::byte>)> hash_ = KeyedHash::WithRandomKey();
  std::vector<int64_t> computed_;
  std::vector<std::pair<int64_t, int64_t>> copies_;
};

TEST_F(RepeatedTextsTest, EqualTokensAreComputedOnce) {
  // What the tokenizer does not tell apart is equal, however it is written.
  Find({"a b", "b a", "a  b", "x", "y", "a b "});
  EXPECT_THAT(computed_, ElementsAre(0, 1, 3));
  EXPECT_THAT(copies_, ElementsAre(Pair(0, 2), Pair(3, 4), Pair(0, 5)));
}

TEST_F(RepeatedTextsTest, TextsThatDifferBeyondTheCutAreEqual) {
  Find({"a a a b", "a a a a", "a a b"}, 5);
  EXPECT_THAT(computed_, ElementsAre(0, 2));
  EXPECT_THAT(copies_, ElementsAre(Pair(0, 1)));
}

TEST_F(RepeatedTextsTest, DifferentTextsAreAllComputed) {
  Find({});
  EXPECT_THAT(computed_, IsEmpty());
  Find({""});
  EXPECT_THAT(computed_, ElementsAre(0));
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back(test::Words(i));
  Find({texts.begin(), texts.end()}, 2000);
  EXPECT_EQ(computed_.size(), 1000u);
  EXPECT_THAT(copies_, IsEmpty());
}

TEST_F(RepeatedTextsTest, EqualTextsOfSeveralWindowsAreComputedOnce) {
  // The tokens of earlier windows are gone: of "a b" and "a  b" nobody knows any more.
  Find({"a b", "b", "a b", "b", "b", "a  b"}, 100, 2);
  EXPECT_THAT(computed_, ElementsAre(0, 1, 5));
  EXPECT_THAT(copies_, ElementsAre(Pair(0, 2), Pair(1, 3), Pair(1, 4)));
}

TEST_F(RepeatedTextsTest, ACollisionOfHashesIsNoEquality) {
  hash_ = [](std::span<const std::byte>) { return uint64_t{7}; };
  Find({"a", "b", "a", "b", "a a"});
  // "b" is compared with "a" alone, and computed again rather than looked for.
  EXPECT_THAT(computed_, ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(copies_, ElementsAre(Pair(0, 2)));
  Find({"a", "b", "a"}, 100, 1);
  EXPECT_THAT(computed_, ElementsAre(0, 1));
  EXPECT_THAT(copies_, ElementsAre(Pair(0, 2)));
}

}  // namespace
}  // namespace bge
