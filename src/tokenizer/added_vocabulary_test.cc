#include "tokenizer/added_vocabulary.h"

#include "tests/expect_error.h"
#include "tokenizer/test_tokenizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

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

// As upstream: matches inside the white space that a token took are tokens too, and overlap.
TEST(AddedVocabulary, TokensThatTakeWhiteSpaceCanOverlap) {
  for (const bool normalized : {false, true}) {
    EXPECT_THAT(Encode(TokenJson(" ", "rstrip", normalized), "é   b  c").offsets,
                ElementsAre(Offset{0, 1}, Offset{1, 4}, Offset{2, 4}, Offset{3, 4}, Offset{4, 5},
                            Offset{5, 7}, Offset{6, 7}, Offset{7, 8}))
        << normalized;
    // Quadratic time would take minutes, quadratic memory more than there is.
    const Encoding encoding =
        Encode(TokenJson(" ", "rstrip", normalized), std::string(300000, ' ') + "b");
    ASSERT_EQ(encoding.offsets.size(), 300001u);
    EXPECT_EQ(encoding.offsets[1000], (Offset{1000, 300000}));
  }
}

TEST(AddedVocabulary, RefusesLongTokens) {
  const auto load = [](size_t size) {
    return test::Thrown(
        [&] { return FromJsonText(BertJson(kUncased, TokenJson(std::string(size, 'x'), ""))); });
  };
  EXPECT_EQ(load(4096), "no error");
  EXPECT_THAT(load(4097), StartsWith("unsupported: an added token of more than 4096 bytes: "
                                     "added_tokens: content xxx"));
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
