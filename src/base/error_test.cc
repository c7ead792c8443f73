#include "base/error.h"

#include <gtest/gtest.h>

namespace bge {
namespace {

TEST(Error, IsOneLineWhateverTheFileIsCalled) {
  try {
    Fail(ErrorCode::kCorruptData, "bad thing", "a\nb\x01\xff/\xe4\xbd\xa0", "fix it");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "bad thing: a\\x0ab\\x01\\xff/\xe4\xbd\xa0: fix it");
    EXPECT_EQ(e.code(), ErrorCode::kCorruptData);
  }
}

TEST(Error, PrintableShortens) {
  EXPECT_EQ(Printable(std::string(300, 'x'), 10), "xxxxxxxxxx...");
  EXPECT_EQ(Printable("abc\ndef", 3), "abc...");
  EXPECT_EQ(Printable("abc\ndef", 4), "abc\\x0a...");
  EXPECT_EQ(Printable("abc\ndef", 9), "abc\\x0ade...");
  EXPECT_EQ(Printable("abc\ndef", 10), "abc\\x0adef");
}

TEST(Error, PrintableEscapesSurrogatesOverlongFormsAndC1) {
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");
  EXPECT_EQ(Printable("\xc2\x85"), "\\xc2\\x85");
  EXPECT_EQ(Printable("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
}

TEST(Error, PrintableEscapesWhatTurnsTextAround) {
  EXPECT_EQ(Printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xae"
            "b");                                           // U+202E
  EXPECT_EQ(Printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // U+2028
  EXPECT_EQ(Printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");  // U+2066
  EXPECT_EQ(Printable("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa\xe2\x82\xac"),
            "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa\xe2\x82\xac");
}

TEST(Error, CodesHaveNames) {
  EXPECT_EQ(ErrorCodeName(ErrorCode::kNotFound), "not_found");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kIo), "io");
}

}  // namespace
}  // namespace bge
