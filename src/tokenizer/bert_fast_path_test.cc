// The fast path against the general one, which is its specification.
#include "tokenizer/bert_fast_path.h"

#include "tokenizer/test_tokenizers.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

#include <gtest/gtest.h>

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

 private:
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
