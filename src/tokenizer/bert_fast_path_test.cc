// The fast path against the general one, which is its specification.
#include "tokenizer/bert_fast_path.h"

#include "tokenizer/test_tokenizers.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <random>
#include <string>

namespace bge::tokenizer {
namespace {

// Random bytes that are mostly words, with every kind of character between them.
class RandomText {
 public:
  explicit RandomText(uint32_t seed) : random_(seed) {}

  std::string Next() {
    std::string text;
    const int parts = static_cast<int>(Random() % 24);
    for (int i = 0; i < parts; ++i) {
      switch (Random() % 12) {
        case 0:
          text += ' ';
          break;
        case 1:
          text += "[MASK]";
          break;
        case 2:  // combining marks and what they combine with
          AppendUtf8(0x300 + Random() % 0x70, &text);
          break;
        case 3:
          AppendUtf8(kMarks[Random() % std::size(kMarks)], &text);
          break;
        case 4:
          AppendUtf8(0xA0 + Random() % 0x3000, &text);
          break;
        case 5:
          AppendUtf8(0x4E00 + Random() % 0x800, &text);
          break;
        case 6:
          AppendUtf8(0xAC00 + Random() % 11172, &text);
          break;
        case 7: {
          const char32_t c = Random() % 0x110000;
          AppendUtf8(c >= 0xD800 && c < 0xE000 ? U'x' : c, &text);
          break;
        }
        case 8:
          text += static_cast<char>(Random());  // often not UTF-8
          break;
        case 9:
          text.append(90 + Random() % 20, 'a');
          break;
        default:
          text += kWords[Random() % std::size(kWords)];
      }
    }
    return text;
  }

  // Short, and mostly of what added tokens of kManyTokens and broken characters are made of.
  std::string NextWithTokens() {
    std::string text;
    for (uint32_t parts = 4 + Random() % 20; parts > 0; --parts) {
      if (Random() % 4 == 0) {
        text += Next();
        if (text.size() > 100) break;
      } else if (Random() % 8 == 0) {
        text.append(Random() % 20, " \x0B\t"[Random() % 3]);
      } else {
        text += kTokenParts[Random() % std::size(kTokenParts)];
      }
    }
    return text;
  }

 private:
  static constexpr const char* kTokenParts[] = {"[MASK]",
                                                "[MASK] hello hello hel",
                                                "[MASK] hello hello hello",
                                                "hello",
                                                "é",
                                                "a",
                                                " ",
                                                " a",
                                                "\t",
                                                "\n",
                                                "\x0B",
                                                "\xE4\xB8",
                                                "中",
                                                ".",
                                                "x\xCC\x81",
                                                "\xE3\x80\xAE",
                                                "hell"};
  static constexpr const char* kWords[] = {
      "hello", "unable", "Ab", "abcabx", "É",  "internationalization",
      "a.b",   "中文",   "x!", "\t\n",   "ΣΑΣ"};
  // Kept by BERT though their class is not 0, decomposing, expanding.
  static constexpr char32_t kMarks[] = {0x302A,  0x302E,  0x1B44, 0x1BAA, 0xA953, 0x1D165, 0x1D16D,
                                        0x16FF0, 0x0F73,  0x0344, 0x0130, 0xFB01, 0x1E9E,  0x2126,
                                        0xF900,  0x2F800, 0x037E, 0x1FEF, 0x2000, 0xFEFF,  0x00AD};
  uint32_t Random() { return static_cast<uint32_t>(random_()); }

  std::mt19937 random_;
};

std::string BertNormalizerJson(int flags) {
  const auto flag = [&](int bit) { return flags >> bit & 1 ? "true" : "false"; };
  const char* const strip[] = {"null", "true", "false"};
  return std::string(R"({"type":"BertNormalizer","clean_text":)") + flag(0) +
         R"(,"handle_chinese_chars":)" + flag(1) + R"(,"lowercase":)" + flag(2) +
         R"(,"strip_accents":)" + strip[flags / 8] + "}";
}

TEST(BertFastPath, EqualsTheGeneralPathOnRandomText) {
  RandomText source(20250101);
  for (int flags = 0; flags < 24; ++flags) {
    const std::string json = BertJson(BertNormalizerJson(flags), kMaskToken);
    const Tokenizer fast = FromJsonText(json);
    const Tokenizer general = FromJsonText(json, /*allow_fast_path=*/false);
    ASSERT_TRUE(fast.impl().has_fast_path());
    ASSERT_FALSE(general.impl().has_fast_path());
    for (int i = 0; i < 1500; ++i) {
      const std::string text = source.Next();
      TokenizeOptions options;
      options.want_offsets = i % 2 == 0;
      if (i % 3 == 0) options.max_length = 2 + i % 17;
      options.add_special_tokens = i % 5 != 0;
      const Encoding a = fast.Encode(text, options);
      const Encoding b = general.Encode(text, options);
      ASSERT_EQ(a.ids, b.ids) << "flags " << flags << ", text " << i << ": " << text;
      ASSERT_EQ(a.offsets, b.offsets) << "flags " << flags << ", text " << i << ": " << text;
      ASSERT_EQ(a.type_ids, b.type_ids);
      ASSERT_EQ(a.truncated, b.truncated) << "flags " << flags << ", text " << i << ": " << text;
    }
  }
}

// Added tokens that take white space, hold it, begin alike, or must not stand in a word.
constexpr std::string_view kManyTokens = R"([
  {"id":50,"content":"[MASK]","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true},
  {"id":51,"content":"[MASK] hello hello hello","single_word":false,"lstrip":false,"rstrip":true,"normalized":false,"special":false},
  {"id":52,"content":"hello","single_word":true,"lstrip":true,"rstrip":true,"normalized":false,"special":false},
  {"id":53,"content":" a","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":false},
  {"id":54,"content":"\t\n","single_word":false,"lstrip":true,"rstrip":true,"normalized":false,"special":false}])";

Tokenizer ReadingAtFirst(size_t bytes, std::string_view json) {
  const auto document = json::Document::Parse(json, "tokenizer.json");
  Tokenizer::Impl::Stages stages = StagesFromJson(document->root());
  stages.first_bytes = bytes;
  return BuildTokenizer(std::move(stages), {});
}

// The first max_length tokens of the start of a text are those of the text, wherever the start ends
// and whichever token is the last: among words, marks, added tokens, white space, broken UTF-8.
TEST(BertFastPath, StopsEarlyWithTheTokensOfTheWholeText) {
  constexpr size_t kMostFirstBytes = 128;
  RandomText source(20250202);
  for (const int flags : {23, 7, 5, 1, 12, 8}) {
    const std::string json = BertJson(BertNormalizerJson(flags), kManyTokens);
    const Tokenizer general = FromJsonText(json, /*allow_fast_path=*/false);
    std::vector<Tokenizer> early;
    for (size_t bytes = 1; bytes <= kMostFirstBytes; ++bytes) {
      early.push_back(ReadingAtFirst(bytes, json));
      ASSERT_TRUE(early.back().impl().has_fast_path());
    }
    for (int i = 0; i < 60; ++i) {
      const std::string text = source.NextWithTokens();
      const Encoding whole =
          general.Encode(text, {.add_special_tokens = false, .want_offsets = true});
      for (size_t bytes = 1; bytes <= std::min(kMostFirstBytes, text.size()); ++bytes) {
        for (size_t most = 0; most <= whole.ids.size(); ++most) {
          const Encoding cut =
              early[bytes - 1].Encode(text, {.add_special_tokens = false,
                                             .max_length = static_cast<int64_t>(most),
                                             .want_offsets = true});
          ASSERT_TRUE(std::equal(cut.ids.begin(), cut.ids.end(), whole.ids.begin(),
                                 whole.ids.begin() + static_cast<ptrdiff_t>(most)) &&
                      std::equal(cut.offsets.begin(), cut.offsets.end(), whole.offsets.begin(),
                                 whole.offsets.begin() + static_cast<ptrdiff_t>(most)) &&
                      cut.truncated == (most < whole.ids.size()))
              << "flags " << flags << ", first " << bytes << " bytes, most " << most << ", text "
              << i << ": " << text;
        }
      }
    }
  }
}

// Words that are too long to be known are read without being kept.
TEST(BertFastPath, KnowsWhereVeryLongWordsEnd) {
  std::mt19937 random(11);
  for (const int longest : {100, 2000, 10000}) {
    std::string json = BertJson(kUncased, kMaskToken);
    json.replace(json.find(":100,"), 5, ":" + std::to_string(longest) + ",");
    const Tokenizer fast = FromJsonText(json);
    const Tokenizer general = FromJsonText(json, /*allow_fast_path=*/false);
    for (int i = 0; i < 300; ++i) {
      std::string text;
      for (size_t words = 1 + random() % 4; words > 0; --words) {
        const char* const letter[] = {"a", "É", "中", "\u0E01"};
        const size_t which = random() % 4;
        for (size_t n = random() % 3000; n > 0; --n) {
          text += letter[random() % 50 == 0 ? random() % 4 : which];
        }
        text += " ";
      }
      const Encoding a = fast.Encode(text, {.want_offsets = true});
      const Encoding b = general.Encode(text, {.want_offsets = true});
      ASSERT_EQ(a.ids, b.ids) << longest << ", " << i;
      ASSERT_EQ(a.offsets, b.offsets) << longest << ", " << i;
    }
  }
}

// The tokens that stay depend on the end of the text, or on how long both are.
TEST(BertFastPath, ReadsAllWhereTheEndCounts) {
  RandomText source(20250303);
  std::string left = BertJson(kUncased, kMaskToken);
  const std::string_view none = R"("truncation":null)";
  left.replace(left.find(none), none.size(), R"("truncation":{"direction":"Left"})");
  const Tokenizer early[] = {ReadingAtFirst(20, left), ReadingAtFirst(20, BertJson(kUncased))};
  const Tokenizer general[] = {FromJsonText(left, false), FromJsonText(BertJson(kUncased), false)};
  for (int i = 0; i < 1000; ++i) {
    const std::string a = source.Next() + source.Next();
    const std::string b = source.Next();
    const TokenizeOptions options = {.max_length = 3 + i % 20, .want_offsets = true};
    const Encoding one = early[0].Encode(a, options);
    ASSERT_EQ(one.ids, general[0].Encode(a, options).ids) << a;
    ASSERT_EQ(one.truncated, general[0].Encode(a, options).truncated) << a;
    for (const int which : {0, 1}) {
      const Encoding pair = early[which].EncodePair(a, b, options);
      const Encoding expected = general[which].EncodePair(a, b, options);
      ASSERT_EQ(pair.ids, expected.ids) << a << "\n" << b;
      ASSERT_EQ(pair.offsets, expected.offsets) << a << "\n" << b;
      ASSERT_EQ(pair.truncated, expected.truncated) << a << "\n" << b;
    }
  }
}

// Half a word at the end of what is read first is no word, and so not an unknown one.
TEST(BertFastPath, NeedsNoUnknownTokenForHalfAWord) {
  std::string json = BertJson(kUncased, kMaskToken);
  json.replace(json.find("##中"), 5, "##〮");
  const std::string_view unknown = R"("unk_token":"[UNK]")";
  json.replace(json.find(unknown), unknown.size(), R"("unk_token":"[NONE]")");
  for (size_t bytes = 1; bytes < 80; ++bytes) {
    const Tokenizer tokenizer = ReadingAtFirst(bytes, json);
    for (const char* mark : {"", "\u302E"}) {  // and by the general path
      std::string text = std::string("a") + mark;
      for (int i = 0; i < 4; ++i) text += " internationalization";
      const Encoding encoding =
          tokenizer.Encode(text, {.add_special_tokens = false, .max_length = 4});
      EXPECT_EQ(encoding.ids.back(), 43) << bytes << ": " << text;
    }
  }
}

// A huge text costs what its first tokens cost, on the general path too (U+302E takes it there).
TEST(BertFastPath, StopsEarlyInHugeTexts) {
  const Tokenizer tokenizer = FromJsonText(BertJson(kUncased, kMaskToken));
  for (const char* unit : {"a b ", "a\u302E ", "[MASK] ", "\xFF a "}) {
    std::string text;
    while (text.size() < 40'000'000) text += unit;
    const std::clock_t start = std::clock();
    const Encoding encoding = tokenizer.Encode(text, {.max_length = 512});
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_EQ(encoding.ids.size(), 512u);
    EXPECT_TRUE(encoding.truncated);
    EXPECT_LT(seconds, 0.1) << unit;  // some 10 ms; the whole text takes up to 10 s
  }
}

// What lets a word end at white space and punctuation alone: marks are not reordered across them.
TEST(BertFastPath, WhiteSpaceAndPunctuationAreNoCombiningMarks) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (CodePointFlags(c) & (kWhitespace | kPunctuation | kChinese)) {
      ASSERT_EQ(CombiningClass(c), 0) << std::hex << static_cast<uint32_t>(c);
    }
  }
}

// What lets the fast path stand in for sentence-transformers' do_lower_case.
TEST(BertFastPath, LowercaseInFrontOfALoweringBertNormalizerChangesNothing) {
  for (const char* strip : {"null", "true", "false"}) {
    const auto document = json::Document::Parse(
        std::string(R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,)") +
            R"("lowercase":true,"strip_accents":)" + strip + "}",
        "test");
    const auto bert = NormalizerFromJson(document->root());
    const auto lowercase = MakeLowercase();
    NormalizedString alone, after;
    for (char32_t c = 0; c < 0x110000; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      std::string text = "x";
      AppendUtf8(c, &text);
      text += "y";
      alone.Assign(text, 0);
      bert->Normalize(&alone);
      after.Assign(text, 0);
      lowercase->Normalize(&after);
      bert->Normalize(&after);
      ASSERT_EQ(alone.text(), after.text()) << std::hex << static_cast<uint32_t>(c);
      ASSERT_EQ(alone.origins(), after.origins()) << std::hex << static_cast<uint32_t>(c);
    }
  }
}

TEST(BertFastPath, IsUsedForDoLowerCase) {
  LoadOptions options;
  options.lowercase_first = true;
  EXPECT_TRUE(FromJsonText(BertJson(kUncased), true, options).impl().has_fast_path());
  EXPECT_FALSE(FromJsonText(BertJson(BertNormalizerJson(0)), true, options).impl().has_fast_path());
}

// A text without a place to cut must cost as much for each byte as a short one.
TEST(BertFastPath, IsLinearInTextsWithoutSpaces) {
  const Tokenizer tokenizer = FromJsonText(BertJson(kUncased, kMaskToken));
  for (const char* unit : {"a", "[", "\xCC\x81", "\xE0\xB8\x81", "[MASK"}) {
    std::string text;
    while (text.size() < 4'000'000) text += unit;
    const std::clock_t start = std::clock();  // CPU time: other programs do not count
    const Encoding encoding = tokenizer.Encode(text, {.want_offsets = true});
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_LE(encoding.ids.size(), text.size() + 2);
    EXPECT_LT(seconds, 20.0) << unit;  // quadratic would be hours
  }
}

TEST(BertFastPath, SaysWhetherTokensWereCutOff) {
  const Tokenizer tokenizer = FromJsonText(BertJson(kUncased, kMaskToken));
  const auto truncated = [&](std::string_view text, int64_t max_length, bool special) {
    TokenizeOptions options;
    options.max_length = max_length;
    options.add_special_tokens = special;
    return tokenizer.Encode(text, options).truncated;
  };
  EXPECT_FALSE(truncated("a b c", 5, true));
  EXPECT_TRUE(truncated("a b c", 4, true));
  EXPECT_FALSE(truncated("a b c", 3, false));
  EXPECT_FALSE(truncated("a b c   \t", 3, false));
  EXPECT_TRUE(truncated("a b c .", 3, false));
  EXPECT_TRUE(truncated("a b [MASK]", 2, false));
  EXPECT_TRUE(truncated("a b.", 2, false));
  EXPECT_TRUE(truncated("a b中", 2, false));
  EXPECT_TRUE(truncated("a", 2, true));
  EXPECT_FALSE(truncated("", 2, true));
}

}  // namespace
}  // namespace bge::tokenizer
