// The fast path of SentencePiece's stages against the general one, which is its specification.
#include "tokenizer/unigram_fast_path.h"

#include "tests/expect_error.h"
#include "tokenizer/test_sentencepiece.h"
#include "tokenizer/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <random>
#include <string>

namespace bge::tokenizer {
namespace {

std::string MetaspaceJson(std::string_view scheme) {
  return R"({"type":"Metaspace","replacement":"▁","split":true,"prepend_scheme":")" +
         std::string(scheme) + "\"}";
}

std::string Sequence(std::string_view members) {
  return R"({"type":"Sequence","normalizers":[)" + std::string(members) + "]}";
}

// The tokenizers for which there is a fast path.
std::vector<std::string> FastJsons(std::string_view tokens = kXlmrTokens) {
  const std::string charsmap = PrecompiledJson();
  const std::string strip = R"({"type":"Strip","strip_left":false,"strip_right":true})";
  const auto runs = [](std::string_view content) {
    return R"({"type":"Replace","pattern":{"Regex":" {2,}"},"content":")" + std::string(content) +
           "\"}";
  };
  std::vector<std::string> jsons;
  for (const std::string& normalizer :
       {charsmap, Sequence(charsmap + "," + runs(" ")),
        Sequence(charsmap + "," + strip + "," + runs("▁")), Sequence(charsmap + "," + strip),
        Sequence(runs("ab  ")), Sequence(charsmap + "," + runs(""))}) {
    jsons.push_back(UnigramJson(normalizer, kWhitespaceMetaspace, tokens));
    for (const char* scheme : {"always", "first", "never"}) {
      const bool odd = normalizer.find(R"("content":"a)") != std::string::npos ||
                       normalizer.find(R"("content":"")") != std::string::npos;
      if (odd && std::string_view(scheme) == "first") continue;
      jsons.push_back(UnigramJson(normalizer, MetaspaceJson(scheme), tokens));
    }
  }
  return jsons;
}

class RandomText {
 public:
  explicit RandomText(uint32_t seed) : random_(seed) {}

  std::string Next(uint32_t most = 24) {
    std::string text;
    for (uint32_t parts = Random() % most; parts > 0; --parts) {
      switch (Random() % 10) {
        case 0:
          text.append(1 + Random() % 3, ' ');
          break;
        case 1:
          AppendUtf8(0x300 + Random() % 0x70, &text);
          break;
        case 2:
          AppendUtf8(Random() % 0x3000, &text);
          break;
        case 3: {
          const char32_t c = Random() % 0x110000;
          AppendUtf8(c >= 0xD800 && c < 0xE000 ? U'x' : c, &text);
          break;
        }
        case 4:
          text += static_cast<char>(Random());  // often not UTF-8
          break;
        case 5:
          for (uint32_t n = Random() % 40; n > 0; --n) text += "abl"[Random() % 3];
          break;
        default:
          text += kParts[Random() % std::size(kParts)];
      }
    }
    return text;
  }

 private:
  static constexpr const char* kParts[] = {"hello",
                                           "ab",
                                           "aab",
                                           "中文",
                                           "กั",
                                           "é",
                                           "e\u0301",
                                           "ﬁ",
                                           "㍿",
                                           "\r\n",
                                           "\t",
                                           "\u00a0",
                                           "\u3000",
                                           "\x01",
                                           "\u200b",
                                           "▁",
                                           "▁▁",
                                           "…",
                                           "Ａ",
                                           "ab\u0301",
                                           "\u0130",
                                           "<mask>",
                                           "<s>",
                                           "<unk>",
                                           ".",
                                           "\u0915\u094d\u0937",
                                           "\U0001F468\u200d\U0001F469",
                                           "\u0600",
                                           "ÿÿ",
                                           "\n",
                                           "각",
                                           "\u1100\u1161"};
  uint32_t Random() { return static_cast<uint32_t>(random_()); }

  std::mt19937 random_;
};

TEST(UnigramFastPath, EqualsTheGeneralPathOnRandomText) {
  RandomText source(20260101);
  for (const std::string& json : FastJsons()) {
    const Tokenizer fast = FromJsonText(json);
    const Tokenizer general = FromJsonText(json, /*allow_fast_path=*/false);
    const bool first = json.find("first") != std::string::npos;
    ASSERT_TRUE(fast.impl().has_fast_path()) << first;
    ASSERT_FALSE(general.impl().has_fast_path());
    for (int i = 0; i < 1500; ++i) {
      const std::string text = source.Next();
      TokenizeOptions options;
      options.want_offsets = i % 2 == 0;
      if (i % 3 == 0) options.max_length = 2 + i % 17;
      const Encoding a = fast.Encode(text, options);
      const Encoding b = general.Encode(text, options);
      ASSERT_EQ(a.ids, b.ids) << i << ": " << text << "\n" << json;
      ASSERT_EQ(a.offsets, b.offsets) << i << ": " << text << "\n" << json;
      ASSERT_EQ(a.truncated, b.truncated) << i << ": " << text << "\n" << json;
    }
  }
}

// Tokens that are looked for in normalised text send only the texts that may hold one the long way.
TEST(UnigramFastPath, IsUsedBesideNormalizedTokens) {
  std::string tokens(kXlmrTokens);
  const std::string_view plain = R"("normalized":false,"special":true}])";
  tokens.replace(tokens.find(plain), plain.size(), R"("normalized":true,"special":true}])");
  RandomText source(20260404);
  for (const std::string& json : FastJsons(tokens)) {
    const Tokenizer fast = FromJsonText(json);
    const Tokenizer general = FromJsonText(json, false);
    ASSERT_TRUE(fast.impl().has_fast_path());
    for (int i = 0; i < 300; ++i) {
      const std::string text = source.Next() + (i % 4 == 0 ? " <mask>" : "") + source.Next();
      const TokenizeOptions options = {.want_offsets = i % 2 == 0};
      ASSERT_EQ(fast.Encode(text, options).ids, general.Encode(text, options).ids) << text;
      ASSERT_EQ(fast.Encode(text, options).offsets, general.Encode(text, options).offsets) << text;
    }
  }
  // One that begins like words do.
  tokens.replace(tokens.find("<mask>"), 6, "mask");
  EXPECT_FALSE(FromJsonText(FastJsons(tokens)[0]).impl().has_fast_path());
}

TEST(UnigramFastPath, IsNotUsedWhereItCannotBe) {
  const auto is_fast = [](std::string_view normalizer, std::string_view pre_tokenizer) {
    return FromJsonText(UnigramJson(normalizer, pre_tokenizer)).impl().has_fast_path();
  };
  const std::string charsmap = PrecompiledJson();
  EXPECT_TRUE(is_fast(charsmap, kWhitespaceMetaspace));
  EXPECT_FALSE(is_fast(charsmap, R"({"type":"Metaspace","replacement":"▁","split":false})"));
  EXPECT_FALSE(is_fast(charsmap, "null"));
  EXPECT_FALSE(is_fast("null", kWhitespaceMetaspace));
  EXPECT_FALSE(is_fast(Sequence(charsmap + R"(,{"type":"NFC"})"), kWhitespaceMetaspace));
  EXPECT_FALSE(is_fast(Sequence(R"({"type":"Lowercase"},)" + charsmap), kWhitespaceMetaspace));
}

Tokenizer ReadingAtFirst(size_t bytes, std::string_view json) {
  const auto document = json::Document::Parse(json, "tokenizer.json");
  Tokenizer::Impl::Stages stages = StagesFromJson(document->root());
  stages.first_bytes = bytes;
  return BuildTokenizer(std::move(stages), {});
}

// The first tokens of the start of a text are those of the text, wherever the start ends.
TEST(UnigramFastPath, StopsEarlyWithTheTokensOfTheWholeText) {
  constexpr size_t kMostFirstBytes = 64;
  RandomText source(20260202);
  for (const std::string& json : FastJsons()) {
    const Tokenizer general = FromJsonText(json, false);
    std::vector<Tokenizer> early;
    for (size_t bytes = 1; bytes <= kMostFirstBytes; ++bytes) {
      early.push_back(ReadingAtFirst(bytes, json));
    }
    for (int i = 0; i < 12; ++i) {
      const std::string text = source.Next(30);
      const Encoding whole =
          general.Encode(text, {.add_special_tokens = false, .want_offsets = true});
      for (size_t bytes = 1; bytes <= std::min(kMostFirstBytes, text.size());
           bytes += 1 + bytes / 8) {
        for (size_t most = 0; most <= whole.ids.size(); most += 1 + most / 8) {
          const Encoding cut =
              early[bytes - 1].Encode(text, {.add_special_tokens = false,
                                             .max_length = static_cast<int64_t>(most),
                                             .want_offsets = true});
          const auto end = static_cast<ptrdiff_t>(most);
          ASSERT_TRUE(std::equal(cut.ids.begin(), cut.ids.end(), whole.ids.begin(),
                                 whole.ids.begin() + end) &&
                      std::equal(cut.offsets.begin(), cut.offsets.end(), whole.offsets.begin(),
                                 whole.offsets.begin() + end) &&
                      cut.truncated == (most < whole.ids.size()))
              << "first " << bytes << " bytes, most " << most << ": " << text << "\n"
              << json;
        }
      }
    }
  }
}

// A huge text costs what its first tokens cost.
TEST(UnigramFastPath, StopsEarlyInHugeTexts) {
  const Tokenizer tokenizer = FromJsonText(FastJsons()[0]);
  for (const char* unit : {"a b ", "中文 ", "<mask> ", "\xFF a "}) {
    std::string text;
    while (text.size() < 40'000'000) text += unit;
    const std::clock_t start = std::clock();
    const Encoding encoding = tokenizer.Encode(text, {.max_length = 512});
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_EQ(encoding.ids.size(), 512u);
    EXPECT_TRUE(encoding.truncated);
    EXPECT_LT(seconds, 0.1) << unit;
  }
}

// Words of one tokenizer are not taken for those of another by a thread that uses both.
TEST(UnigramFastPath, KeepsTheWordsOfTokenizersApart) {
  std::string other(kUnigramModel);
  other.replace(other.find(R"(["hello",-7.25])"), 15, R"(["other",-7.25])");
  other.replace(other.find(R"(["▁hello",-7])"), std::string_view(R"(["▁hello",-7])").size(),
                R"(["▁hella",-7])");
  const Tokenizer a = FromJsonText(UnigramJson(PrecompiledJson(), kWhitespaceMetaspace));
  const Tokenizer b =
      FromJsonText(UnigramJson(PrecompiledJson(), kWhitespaceMetaspace, kXlmrTokens, other));
  const std::vector<int32_t> expected_a = a.Encode("hello").ids;
  const std::vector<int32_t> expected_b = b.Encode("hello").ids;
  EXPECT_NE(expected_a, expected_b);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(a.Encode("hello hello").ids.size(), expected_a.size() * 2 - 2);
    EXPECT_EQ(b.Encode("hello hello").ids.size(), expected_b.size() * 2 - 2);
  }
}

TEST(UnigramFastPath, IsLinearInTextsWithoutSpaces) {
  const Tokenizer tokenizer = FromJsonText(FastJsons()[0]);
  for (const char* unit : {"a", "中", "\xCC\x81", "\u0e01\u0e31", "<mas"}) {
    std::string text;
    while (text.size() < 4'000'000) text += unit;
    const std::clock_t start = std::clock();
    const Encoding encoding = tokenizer.Encode(text, {.want_offsets = true});
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_LE(encoding.ids.size(), text.size() + 2);
    EXPECT_LT(seconds, 20.0) << unit;  // quadratic would be hours
  }
}

TEST(UnigramFastPath, EndsWhenAsked) {
  const Tokenizer tokenizer = FromJsonText(FastJsons()[0]);
  std::stop_source source;
  source.request_stop();
  const auto error =
      test::ErrorOf([&] { tokenizer.Encode("hello", {.stop = source.get_token()}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace bge::tokenizer
