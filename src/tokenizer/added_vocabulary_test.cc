#include "tokenizer/added_vocabulary.h"

#include "tokenizer/test_tokenizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;

std::string TokenJson(std::string_view content, std::string_view flag, bool normalized = false) {
  std::string json = R"([{"id":50,"content":")" + std::string(content) + "\"";
  for (const char* name : {"single_word", "lstrip", "rstrip", "special"}) {
    json += std::string(",\"") + name + "\":" + (flag == name ? "true" : "false");
  }
  return json + ",\"normalized\":" + (normalized ? "true" : "false") + "}]";
}

Encoding Encode(const std::string& added, std::string_view text) {
  return FromJsonText(BertJson(kUncased, added))
      .Encode(text, {.add_special_tokens = false, .want_offsets = true});
}

// Ids beyond the vocabulary's 45 tokens are added ones.
TEST(AddedVocabulary, SingleWordMatchesNoPartOfAWord) {
  const std::string added = TokenJson("<x>", "single_word");
  EXPECT_THAT(Encode(added, "a <x>.").ids, ElementsAre(3, 45, 21));
  EXPECT_EQ(Encode(added, "a<x>").ids.size(), 4u);
  EXPECT_EQ(Encode(added, "<x>é").ids.size(), 4u);
}

TEST(AddedVocabulary, StripsTakeWhiteSpace) {
  EXPECT_THAT(Encode(TokenJson("<x>", "lstrip"), "a \t<x> b").offsets,
              ElementsAre(Offset{0, 1}, Offset{1, 6}, Offset{7, 8}));
  EXPECT_THAT(Encode(TokenJson("<x>", "rstrip"), "a <x>\u3000\u00a0 b").offsets,
              ElementsAre(Offset{0, 1}, Offset{2, 8}, Offset{8, 9}));
}

TEST(AddedVocabulary, NormalizedTokensAreFoundInNormalizedText) {
  EXPECT_THAT(Encode(TokenJson("HÉ", "", true), "a hé!").ids, ElementsAre(3, 45, 23));
  EXPECT_EQ(Encode(TokenJson("HÉ", "", false), "a hé!").ids.size(), 3u);
  EXPECT_THAT(Encode(TokenJson("HÉ", "", false), "a hé!").ids, ElementsAre(3, 0, 23));
}

TEST(TokenMatcher, FindsTheLongestOfTheLeftmost) {
  TokenMatcher matcher;
  EXPECT_FALSE(matcher.Find("abc", 0));
  matcher.Add("ab", 1);
  matcher.Add("abcd", 2);
  matcher.Add("bcx", 3);
  matcher.Add("", 4);
  const auto found = matcher.Find("aabcdbcx", 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, 2);
  EXPECT_EQ(found->range.begin, 1u);
  EXPECT_EQ(found->range.end, 5u);
  EXPECT_EQ(matcher.Find("aabcdbcx", 5)->id, 3);
  EXPECT_FALSE(matcher.Find("aabcdbcx", 6));
}

}  // namespace
}  // namespace bge::tokenizer
