#include "tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace bge::tokenizer {
namespace {

std::string Replaced(std::string_view text) {
  std::string out;
  ReplaceInvalidUtf8(text, &out);
  return out;
}

const std::string kR = "\xEF\xBF\xBD";

TEST(Utf8, LeavesValidTextAlone) {
  const std::string text = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\x7F";
  EXPECT_EQ(ValidUtf8Prefix(text), text.size());
  EXPECT_EQ(Replaced(text), text);
  EXPECT_EQ(CountCharacters(text), 5u);
}

// The examples of Unicode's section 3.9, "U+FFFD substitution of maximal subparts".
TEST(Utf8, ReplacesEachMaximalPartOnce) {
  EXPECT_EQ(Replaced("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            kR + kR + kR + kR + kR + kR + kR + kR + "A");
  EXPECT_EQ(Replaced("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            kR + kR + kR + kR + kR + kR + kR + kR + "A");
  EXPECT_EQ(Replaced("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            kR + kR + kR + kR + kR + "A" + kR + kR + "B");
  EXPECT_EQ(Replaced("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), kR + kR + kR + kR + "A");
}

TEST(Utf8, ReplacesATruncatedEnd) {
  EXPECT_EQ(Replaced("ab\xF0\x9F\x98"), "ab" + kR);
  EXPECT_EQ(Replaced("12345678\xE2\x82"), "12345678" + kR);
  EXPECT_EQ(Replaced("\xC3"), kR);
}

TEST(Utf8, EncodesWhatItDecodes) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string bytes;
    AppendUtf8(c, &bytes);
    ASSERT_EQ(bytes.size(), Utf8Length(c));
    ASSERT_EQ(bytes.size(), Utf8Length(bytes[0]));
    ASSERT_EQ(ValidUtf8Prefix(bytes), bytes.size());
    const char* p = bytes.data();
    ASSERT_EQ(DecodeUtf8(p), c);
    ASSERT_EQ(p, bytes.data() + bytes.size());
  }
}

}  // namespace
}  // namespace bge::tokenizer
