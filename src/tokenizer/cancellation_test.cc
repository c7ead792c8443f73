// A stop token ends every loop over a text, wherever tokenising a huge one happens to be.
#include "tests/expect_error.h"
#include "tokenizer/test_tokenizers.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <functional>
#include <stop_token>
#include <string>

namespace bge::tokenizer {
namespace {

template <typename F>
bool IsCancelled(F&& f) {
  const auto error = test::ErrorOf([&] {
    f();
    return 0;
  });
  return error && error->code() == ErrorCode::kCancelled;
}

std::unique_ptr<const Normalizer> NormalizerOf(std::string_view json) {
  return NormalizerFromJson(json::Document::Parse(json, "test")->root());
}

std::unique_ptr<const PreTokenizer> PreTokenizerOf(std::string_view json) {
  return PreTokenizerFromJson(json::Document::Parse(json, "test")->root());
}

TEST(Cancellation, EndsWhatIsDoneToANormalizedString) {
  using Change = std::function<void(NormalizedString*)>;
  const Change changes[] = {
      [](auto* text) { text->ForEach([](char32_t) {}); },
      [](auto* text) { text->Filter([](char32_t) { return true; }); },
      [](auto* text) { text->Map([](char32_t c) { return c; }); },
      [](auto* text) { text->MapToMany(&ToLower); },
      [](auto* text) {
        text->Transform(std::vector<CharacterChange>{{'a', 0}}, 0);
      },
      [](auto* text) { text->ReplaceMatches("b", [](auto&& replace) { replace(0, 1); }); },
      [](auto* text) { text->Strip(true, true); },
  };
  for (const Change& change : changes) {
    NormalizedString text;
    std::stop_source source;
    const std::stop_token stop = source.get_token();
    text.Assign(" a b ", 0, &stop);
    change(&text);
    text.Assign(" a b ", 0, &stop);
    source.request_stop();
    EXPECT_TRUE(IsCancelled([&] { change(&text); })) << &change - changes;
    EXPECT_TRUE(IsCancelled([&] { text.Assign("a", 0, &stop); }));
    text.Assign(" a b ", 0);
    change(&text);
  }
}

TEST(Cancellation, EndsEveryNormalizer) {
  for (const char* json :
       {R"({"type":"NFC"})", R"({"type":"NFD"})", R"({"type":"NFKC"})", R"({"type":"NFKD"})",
        R"({"type":"Lowercase"})", R"({"type":"StripAccents"})",
        R"({"type":"Replace","pattern":{"String":"a"},"content":"b"})",
        R"({"type":"Replace","pattern":{"Regex":"a+"},"content":"b"})", R"({"type":"ByteLevel"})",
        R"({"type":"BertNormalizer","clean_text":false,"handle_chinese_chars":true,
            "strip_accents":false,"lowercase":false})"}) {
    const auto normalizer = NormalizerOf(json);
    NormalizedString text;
    std::stop_source source;
    const std::stop_token stop = source.get_token();
    text.Assign("a b", 0, &stop);
    source.request_stop();
    EXPECT_TRUE(IsCancelled([&] { normalizer->Normalize(&text); })) << json;
  }
}

TEST(Cancellation, EndsEveryPreTokenizer) {
  NormalizedString normalized;
  normalized.Assign("a b", 0);
  for (const char* json :
       {R"({"type":"BertPreTokenizer"})", R"({"type":"Digits","individual_digits":true})",
        R"({"type":"Punctuation"})", R"({"type":"Whitespace"})", R"({"type":"WhitespaceSplit"})",
        R"({"type":"Split","pattern":{"Regex":"a+"},"behavior":"Removed","invert":false})",
        R"({"type":"Split","pattern":{"String":"a"},"behavior":"Removed","invert":false})",
        R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true})"}) {
    const auto pre_tokenizer = PreTokenizerOf(json);
    std::stop_source source;
    const std::stop_token stop = source.get_token();
    PretokenizedString text;
    text.Clear(&stop);
    text.Append(normalized, {0, 3});
    pre_tokenizer->PreTokenize(&text);
    source.request_stop();
    EXPECT_TRUE(IsCancelled([&] { pre_tokenizer->PreTokenize(&text); })) << json;
    EXPECT_TRUE(IsCancelled([&] { text.Append(normalized, {0, 3}); }));
  }
  PatternRanges ranges;
  std::stop_source source;
  source.request_stop();
  const std::stop_token stop = source.get_token();
  ranges.Clear(&stop);
  EXPECT_TRUE(IsCancelled([&] { ranges.Add({0, 1}, true); }));
}

TEST(Cancellation, EndsTheSearchForAddedTokens) {
  TokenMatcher matcher;
  matcher.Add("[MASK]", 1);
  std::stop_source source;
  source.request_stop();
  const std::stop_token stop = source.get_token();
  EXPECT_TRUE(IsCancelled([&] { matcher.Find("[[[", 0, &stop); }));
}

TEST(Cancellation, EndsTheCheckOfUtf8) {
  std::stop_source source;
  source.request_stop();
  const std::stop_token stop = source.get_token();
  std::string out;
  EXPECT_TRUE(IsCancelled([&] { ValidUtf8Prefix("a", &stop); }));
  EXPECT_TRUE(IsCancelled([&] { ReplaceInvalidUtf8("a", &out, &stop); }));
}

TEST(Cancellation, EndsTheFastPath) {
  const auto document = json::Document::Parse(BertJson(kUncased), "test");
  const auto model = ModelFromJson(document->root().At("model"));
  const BertFastPath path({}, *model->AsWordPiece());
  BertFastPath::Scratch scratch;
  std::vector<int32_t> ids;
  std::stop_source source;
  source.request_stop();
  const std::stop_token stop = source.get_token();
  const auto tokenize = [&](std::string_view text, size_t limit) {
    path.Tokenize({.text = text}, limit, &stop, &ids, nullptr, &scratch);
  };
  EXPECT_TRUE(IsCancelled([&] { tokenize("a", 10); }));
  EXPECT_TRUE(IsCancelled([&] { tokenize("  ", 0); }));  // looking for more
}

TEST(Cancellation, EndsTokenisingAndLeavesTheTokenizerUsable) {
  for (const bool fast : {true, false}) {
    const Tokenizer tokenizer = FromJsonText(BertJson(kUncased, kMaskToken), fast);
    const Encoding expected = tokenizer.Encode("hello [MASK]");
    std::stop_source source;
    TokenizeOptions options;
    options.stop = source.get_token();
    EXPECT_EQ(tokenizer.Encode("hello [MASK]", options).ids, expected.ids);
    source.request_stop();
    EXPECT_TRUE(IsCancelled([&] { tokenizer.Encode("hello [MASK]", options); }));
    EXPECT_TRUE(IsCancelled([&] { tokenizer.EncodePair("hello", "a", options); }));
    EXPECT_EQ(tokenizer.Encode("hello [MASK]").ids, expected.ids);
  }
}

}  // namespace
}  // namespace bge::tokenizer
