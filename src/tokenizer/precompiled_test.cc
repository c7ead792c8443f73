// Precompiled and the grapheme clusters by which it goes.
#include "tokenizer/normalizer/precompiled.h"

#include "tests/expect_error.h"
#include "tokenizer/base64.h"
#include "tokenizer/segmentation.h"
#include "tokenizer/test_sentencepiece.h"
#include "tokenizer/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

NormalizedString Normalized(const Normalizer& normalizer, std::string_view text) {
  NormalizedString normalized;
  normalized.Assign(text, 0);
  normalizer.Normalize(&normalized);
  return normalized;
}

std::vector<std::string> Clusters(std::string_view text) {
  std::vector<std::string> clusters;
  GraphemeBoundaries boundaries;
  const char* first = text.data();
  boundaries.Joins(GraphemeProperties(DecodeUtf8(first)));
  while (!text.empty()) {
    const size_t end = ClusterEnd(text, &boundaries);
    clusters.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return clusters;
}

TEST(Segmentation, FindsGraphemeClusters) {
  EXPECT_THAT(Clusters("ab"), ElementsAre("a", "b"));
  EXPECT_THAT(Clusters("e\u0301\r\n\n\r"), ElementsAre("e\u0301", "\r\n", "\n", "\r"));
  EXPECT_THAT(Clusters("a\u0001\u0301"), ElementsAre("a", "\u0001", "\u0301"));
  EXPECT_THAT(Clusters("각\u1100\u1161\u11a8\u11a8\u1100"),
              ElementsAre("각", "\u1100\u1161\u11a8\u11a8", "\u1100"));
  EXPECT_THAT(Clusters("\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7\U0001F1EA"),
              ElementsAre("\U0001F1E9\U0001F1EA", "\U0001F1EB\U0001F1F7", "\U0001F1EA"));
  EXPECT_THAT(Clusters("\U0001F468\u200d\U0001F469\u200d\U0001F467x\u200d\U0001F467"),
              ElementsAre("\U0001F468\u200d\U0001F469\u200d\U0001F467", "x\u200d", "\U0001F467"));
  EXPECT_THAT(Clusters("\u0915\u094d\u0924\u0915\u0924"),
              ElementsAre("\u0915\u094d\u0924", "\u0915", "\u0924"));
  EXPECT_THAT(Clusters("\u0600a\u0e01\u0e33"), ElementsAre("\u0600a", "\u0e01\u0e33"));
}

TEST(Segmentation, KnowsScripts) {
  EXPECT_EQ(ScriptOf(U'a'), ScriptOf(U'é'));
  EXPECT_NE(ScriptOf(U'a'), ScriptOf(U'я'));
  EXPECT_EQ(ScriptOf(U'中'), ScriptOf(U'の'));
  EXPECT_EQ(ScriptOf(U' '), 0);
  EXPECT_EQ(ScriptOf(0x110000), 0);
}

TEST(Precompiled, MapsShortClustersWholeAndLongOnesByCharacters) {
  const Precompiled normalizer(TestCharsmap(Rules{{"A", "x"}, {"e\u0301", "é"}}).bytes(), "test");
  EXPECT_EQ(Normalized(normalizer, "AbA").text(), "xbx");
  EXPECT_EQ(Normalized(normalizer, "e\u0301").text(), "é");
  // The shortest prefix takes the place of the whole cluster.
  EXPECT_EQ(Normalized(normalizer, "A\u0301").text(), "x");
  EXPECT_EQ(Normalized(normalizer, "A\u0301\u0301\u0301").text(), "x\u0301\u0301\u0301");
  EXPECT_EQ(Normalized(normalizer, "plain").text(), "plain");
  EXPECT_EQ(Normalized(Precompiled("", "test"), "A").text(), "A");
}

TEST(Precompiled, SaysWhatCharactersStandFor) {
  const Precompiled normalizer(
      TestCharsmap(Rules{{"ﬁ", "fi"}, {"\x01", ""}, {"e\u0301", "é"}}).bytes(), "test");
  EXPECT_THAT(Normalized(normalizer, "aﬁb").origins(),
              ElementsAre(Offset{0, 1}, Offset{1, 2}, Offset{1, 2}, Offset{2, 3}));
  EXPECT_THAT(Normalized(normalizer, "ae\u0301b").origins(),
              ElementsAre(Offset{0, 1}, Offset{1, 2}, Offset{1, 2}, Offset{3, 4}));
  EXPECT_THAT(Normalized(normalizer,
                         "a\x01"
                         "b")
                  .origins(),
              ElementsAre(Offset{0, 1}, Offset{2, 3}));
  // As upstream: what is removed at the start moves what the others stand for.
  EXPECT_THAT(Normalized(normalizer,
                         "\x01"
                         "b")
                  .origins(),
              ElementsAre(Offset{0, 1}));
  // And what is removed behind a new character gives it something to stand for.
  EXPECT_THAT(Normalized(normalizer,
                         "ﬁ\x01"
                         "b")
                  .origins(),
              ElementsAre(Offset{0, 1}, Offset{1, 2}, Offset{2, 3}));
}

TEST(Precompiled, RefusesOrSurvivesBrokenMaps) {
  const std::string good = TestCharsmap(TestRules()).bytes();
  std::mt19937 random(5);
  const std::string text =
      "aﬁ㍿e\u0301\u0301 \u2026\t\x01"
      "ab\u0301Ａ";
  const auto use = [&](std::string_view bytes) {
    try {
      Normalized(Precompiled(bytes, "test"), text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    }
  };
  for (size_t size = 0; size < good.size(); size += size < 64 ? 1 : 61) use(good.substr(0, size));
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      // Mostly units that are in use.
      const size_t at = random() % (random() % 2 == 0 ? bad.size() : 2048);
      bad[at] = static_cast<char>(bad[at] ^ 1 << random() % 8);
    }
    use(bad);
  }
  const auto thrown = [](std::string_view bytes) {
    return test::Thrown([&] { Precompiled(bytes, "file: field x"); });
  };
  EXPECT_THAT(thrown("ab"), HasSubstr("corrupt_data: found 2 bytes"));
  EXPECT_THAT(thrown({"\0\0\0\0", 4}), HasSubstr("file: field x"));
  EXPECT_THAT(thrown({"\x08\0\0\0aaaa", 8}), HasSubstr("state 8 bytes of double array"));
  EXPECT_THAT(thrown({"\x04\0\0\0aaaa\xff", 9}), HasSubstr("byte 8 of the charsmap is not UTF-8"));
}

TEST(Precompiled, GrowsTextsWithinBounds) {
  const Precompiled normalizer(TestCharsmap(Rules{{"a", std::string(100000, 'x')}}).bytes(),
                               "test");
  EXPECT_THAT(test::Thrown([&] { Normalized(normalizer, std::string(100, 'a')); }),
              HasSubstr("more than 64 times as long"));
}

TEST(Precompiled, ReadsItsMapFromJson) {
  const auto load = [](std::string_view map) {
    const auto document = json::Document::Parse(
        R"({"type":"Precompiled","precompiled_charsmap":")" + std::string(map) + "\"}", "file");
    return NormalizerFromJson(document->root());
  };
  EXPECT_EQ(Normalized(*load(""), "A").text(), "A");
  EXPECT_EQ(Normalized(*load(Base64(TestCharsmap(Rules{{"A", "x"}}).bytes())), "A").text(), "x");
  EXPECT_THAT(test::Thrown([&] { load("a"); }),
              HasSubstr("the text is not base64: file: field precompiled_charsmap"));
}

TEST(Base64, DecodesWhatIsBase64AndNothingElse) {
  std::string bytes;
  for (const std::string_view text : {"", "f", "fo", "foo", "foob", "\xff\x01\x80"}) {
    EXPECT_TRUE(DecodeBase64(Base64(text), &bytes));
    EXPECT_EQ(bytes, text);
  }
  for (const std::string_view text :
       {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Z g=", "Zm9-"}) {
    EXPECT_FALSE(DecodeBase64(text, &bytes)) << text;
  }
}

}  // namespace
}  // namespace bge::tokenizer
