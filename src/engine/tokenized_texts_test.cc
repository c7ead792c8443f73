#include "engine/tokenized_texts.h"

#include "base/keyed_hash.h"
#include "engine/test_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bge {
namespace {

class TokenizedTextsTest : public testing::Test {
 protected:
  TokenizedTexts Tokenize(const std::vector<std::string_view>& texts, int64_t begin, int64_t end,
                          std::string_view prompt = "", int64_t max_length = 100) const {
    TokenizedTexts tokens(texts, begin, end);
    const TextTokenizer how = {
        .tokenizer = tokenizer_, .prompt = prompt, .max_length = max_length, .hash = hash_};
    // Blocks may come in any order.
    for (int64_t b = tokens.num_blocks(); b-- > 0;) tokens.TokenizeBlock(how, b);
    return tokens;
  }

  const Tokenizer tokenizer_ = test::TwoWordTokenizer();
  const KeyedHash hash_{1, 2};
};

TEST_F(TokenizedTextsTest, KeepsOrderAcrossBlocksAndCountsTruncation) {
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back(test::Words(i % 17));
  const TokenizedTexts tokens = Tokenize({texts.begin(), texts.end()}, 0, 200, "", 12);
  EXPECT_GT(tokens.num_blocks(), 2);
  int64_t total = 0;
  int64_t truncated = 0;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(tokens.length(i), std::min(i % 17 + 2, 12));
    EXPECT_EQ(tokens[i].ids.front(), 1);
    EXPECT_EQ(tokens[i].ids.back(), 2);
    EXPECT_EQ(tokens[i].type_ids.size(), tokens[i].ids.size());
    EXPECT_EQ(tokens.hash(i), hash_(std::as_bytes(tokens[i].ids)));
    total += tokens.length(i);
    truncated += i % 17 + 2 > 12;
  }
  EXPECT_EQ(tokens.total_tokens(), total);
  EXPECT_EQ(tokens.truncated_texts(), truncated);
}

TEST_F(TokenizedTextsTest, KnowsTextsByTheirNumbersInTheCall) {
  const TokenizedTexts tokens = Tokenize({"a", "a a", "a a a", "a a a a"}, 1, 3);
  EXPECT_EQ(tokens.begin(), 1);
  EXPECT_EQ(tokens.end(), 3);
  EXPECT_EQ(tokens.length(1), 4);
  EXPECT_EQ(tokens.length(2), 5);
  EXPECT_EQ(tokens.total_tokens(), 9);
}

TEST_F(TokenizedTextsTest, CutsLongTextsIntoSmallerBlocks) {
  const std::string text = test::Words(300);
  EXPECT_EQ(TokenizedTexts(std::vector<std::string_view>(64, "a"), 0, 64).num_blocks(), 1);
  EXPECT_EQ(TokenizedTexts(std::vector<std::string_view>(65, "a"), 0, 65).num_blocks(), 2);
  EXPECT_EQ(TokenizedTexts(std::vector<std::string_view>(64, text), 0, 64).num_blocks(), 16);
  EXPECT_EQ(TokenizedTexts({}, 0, 0).num_blocks(), 0);
}

TEST_F(TokenizedTextsTest, PutsThePromptInFront) {
  const TokenizedTexts tokens = Tokenize({"a"}, 0, 1, "b b ");
  const std::vector<int32_t> ids(tokens[0].ids.begin(), tokens[0].ids.end());
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 4, 4, 3, 2}));
}

TEST_F(TokenizedTextsTest, FillsShortTextsUp) {
  const std::vector<std::string_view> texts = {"a", "a b a", "a b a b a b"};
  TokenizedTexts tokens(texts, 0, 3);
  tokens.TokenizeBlock({.tokenizer = tokenizer_,
                        .prompt = "b ",
                        .max_length = 7,
                        .hash = hash_,
                        .filling = TextTokenizer::Filling{.token = 3, .length = 5}},
                       0);
  EXPECT_EQ(std::vector<int32_t>(tokens[0].ids.begin(), tokens[0].ids.end()),
            (std::vector<int32_t>{1, 4, 3, 2, 3}));
  EXPECT_EQ(tokens[0].type_ids.size(), 5u);
  EXPECT_EQ(tokens[0].own, 4);
  EXPECT_EQ(tokens.length(1), 6);
  EXPECT_EQ(tokens[1].own, 6);
  EXPECT_EQ(tokens.length(2), 7);  // cut
  EXPECT_EQ(tokens.truncated_texts(), 1);
}

TEST_F(TokenizedTextsTest, ChecksEveryText) {
  const std::vector<std::string_view> texts = {"a", "b"};
  TokenizedTexts tokens(texts, 0, 2);
  const TextTokenizer how = {.tokenizer = tokenizer_,
                             .prompt = "",
                             .max_length = 100,
                             .hash = hash_,
                             .check = [](std::span<const int32_t> ids) {
                               if (ids[1] == 4) throw std::runtime_error("a b");
                             }};
  EXPECT_THROW(tokens.TokenizeBlock(how, 0), std::runtime_error);
}

}  // namespace
}  // namespace bge
