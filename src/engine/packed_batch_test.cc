#include "engine/packed_batch.h"

#include "base/keyed_hash.h"
#include "engine/test_tokenizer.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace bge {
namespace {

TEST(PackedTokens, PacksWithoutPadding) {
  const Tokenizer tokenizer = test::TwoWordTokenizer();
  const std::vector<std::string_view> texts = {"b", "a", "a b a", ""};
  TokenizedTexts tokens(texts, 1, 4);
  tokens.TokenizeBlock(
      {.tokenizer = tokenizer, .prompt = "", .max_length = 100, .hash = KeyedHash(1, 2)}, 0);
  const std::vector<int64_t> numbers = {2, 3};
  const PackedTokens packed(tokens, numbers);
  const PackedBatch batch = packed.batch();
  EXPECT_EQ(std::vector<int32_t>(batch.cu_seqlens.begin(), batch.cu_seqlens.end()),
            (std::vector<int32_t>{0, 5, 7}));
  EXPECT_EQ(std::vector<int32_t>(batch.input_ids.begin(), batch.input_ids.end()),
            (std::vector<int32_t>{1, 3, 4, 3, 2, 1, 2}));
  EXPECT_EQ(batch.num_tokens(), 7);
  EXPECT_EQ(batch.num_sequences(), 2);
}

TEST(PackedTokens, CountsTheKeysThatAreATextsOwn) {
  const Tokenizer tokenizer = test::TwoWordTokenizer();
  const std::vector<std::string_view> texts = {"a b a", "", "a b a a b"};
  TokenizedTexts tokens(texts, 0, 3);
  tokens.TokenizeBlock({.tokenizer = tokenizer,
                        .prompt = "",
                        .max_length = 100,
                        .hash = KeyedHash(1, 2),
                        .filling = TextTokenizer::Filling{.token = 4, .length = 6}},
                       0);
  const std::vector<int64_t> numbers = {1, 0, 2};
  const PackedTokens packed(tokens, numbers, true);
  const PackedBatch batch = packed.batch();
  EXPECT_EQ(std::vector<int32_t>(batch.input_ids.begin(), batch.input_ids.end()),
            (std::vector<int32_t>{1, 2, 4, 4, 4, 4, 1, 3, 4, 3, 2, 4, 1, 3, 4, 3, 3, 4, 2}));
  EXPECT_EQ(std::vector<int32_t>(batch.key_counts.begin(), batch.key_counts.end()),
            (std::vector<int32_t>{2, 5, 7}));
  EXPECT_TRUE(PackedTokens(tokens, numbers).batch().key_counts.empty());
}

}  // namespace
}  // namespace bge
