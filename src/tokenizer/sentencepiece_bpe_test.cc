#include "tokenizer/sentencepiece_bpe.h"

#include "tests/expect_error.h"
#include "tokenizer/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<SentencePiecePiece> Pieces() {
  using Type = SentencePiecePiece::Type;
  return {{"<unk>", 0, Type::kUnknown},
          {"<s>", 0, Type::kControl},
          {"</s>", 0, Type::kControl},
          {"<0xC3>", 0, Type::kByte},
          {"<0xA9>", 0, Type::kByte},
          {"[user]", 0, Type::kUserDefined},
          {"▁ab", -1},
          {"ab", -2},
          {"▁a", -3},
          {"▁", -4},
          {"a", -5},
          {"b", -6}};
}

// As transformers' generate_merges says.
TEST(SentencePieceBpe, MergesComeFromThePieces) {
  const auto pieces = Pieces();
  EXPECT_THAT(MergesOfPieces(pieces, MergeOrder::kById, "test"),
              ElementsAre(Pair("▁", "ab"), Pair("▁a", "b"), Pair("a", "b"), Pair("▁", "a")));
  EXPECT_THAT(MergesOfPieces(pieces, MergeOrder::kByScore, "test"),
              ElementsAre(Pair("▁a", "b"), Pair("▁", "ab"), Pair("a", "b"), Pair("▁", "a")));
}

TEST(SentencePieceBpe, EncodesAndDecodes) {
  const Tokenizer tokenizer =
      BuildTokenizer(StagesFromSentencePieceBpe(Pieces(), {}, "tokenizer.model"), {});
  EXPECT_THAT(tokenizer.Encode("ab aé").ids, ElementsAre(6, 8, 3, 4));
  EXPECT_THAT(tokenizer.Encode("b[user]<s>").ids, ElementsAre(9, 11, 5, 1));
  EXPECT_EQ(tokenizer.Decode({1, 6, 8, 3, 4, 5}), "ab aé[user]");
  EXPECT_TRUE(tokenizer.is_special(1));
  EXPECT_FALSE(tokenizer.is_special(5));
}

TEST(SentencePieceBpe, RefusesHugePieces) {
  const std::string huge(1025, 'a');
  const std::vector<SentencePiecePiece> pieces = {{huge, 0}};
  EXPECT_THAT(test::Thrown([&] { return MergesOfPieces(pieces, MergeOrder::kById, "x.model"); }),
              testing::StartsWith("unsupported: a piece of 1025 bytes: x.model: "));
}

}  // namespace
}  // namespace bge::tokenizer
