// Regular expressions, and the ones written out by hand against them.
#include "tests/expect_error.h"
#include "tokenizer/pattern.h"
#include "tokenizer/test_tokenizers.h"
#include "tokenizer/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string Escaped(std::string_view pattern) {
  std::string result;
  for (const char c : pattern) {
    if (c == '\\' || c == '"') result += '\\';
    result += c;
  }
  return result;
}

Pattern PatternOf(std::string_view pattern) {
  const auto document =
      json::Document::Parse("{\"Regex\":\"" + Escaped(pattern) + "\"}", "tokenizer.json");
  return Pattern(document->root());
}

std::vector<std::string> Matches(const Pattern& pattern, std::string_view text) {
  std::vector<std::string> matches;
  pattern.ForEachMatch(text, nullptr, [&](const ByteRange& m) {
    matches.push_back(std::to_string(m.begin) + ":" +
                      std::string(text.substr(m.begin, m.end - m.begin)));
  });
  return matches;
}

TEST(Regex, FindsMatchesAsRustOnigDoes) {
  EXPECT_THAT(Matches(PatternOf("a+"), "aabcaé"), ElementsAre("0:aa", "4:a"));
  EXPECT_THAT(Matches(PatternOf("(?<=b)c|é"), "abcé"), ElementsAre("2:c", "3:é"));
  EXPECT_THAT(Matches(PatternOf("中*"), "a中中é"), ElementsAre("0:", "1:中中", "9:"));
  EXPECT_THAT(Matches(PatternOf(""), "é"), ElementsAre("0:", "2:"));
  EXPECT_THAT(Matches(PatternOf("(?:^|\\G)a"), "aab"), ElementsAre("0:a", "1:a"));
  EXPECT_THAT(Matches(PatternOf("a"), ""), ElementsAre());
  EXPECT_THAT(Matches(PatternOf("[^a]+(?i)B"), "xxB"), ElementsAre("0:xxB"));
}

TEST(Regex, PunctHoldsSymbols) {
  EXPECT_THAT(Matches(PatternOf("[[:punct:]]+"), "a$+-b"), ElementsAre("1:$+-"));
  EXPECT_THAT(Matches(PatternOf("[[:^punct:]]"), "a$"), ElementsAre("0:a", "1:$"));
  EXPECT_THAT(Matches(PatternOf("[:punct:]"), "ap$"), ElementsAre("1:p"));
  EXPECT_THAT(Matches(PatternOf(R"(\[[[:alpha:][:punct:]]\])"), "[$]"), ElementsAre("0:[$]"));
}

TEST(Regex, RefusesWhatDoesNotCompile) {
  for (const char* pattern : {"(", "[a", "a**{", "\\p{Nothing}", "(?<n>", "*", "a{2,1}{"}) {
    const std::string message = test::Thrown([&] { return Matches(PatternOf(pattern), "aaa"); });
    if (message == "no error") continue;  // Ruby's syntax takes some of these literally
    EXPECT_THAT(message, StartsWith("corrupt_data: the regular expression '")) << pattern;
    EXPECT_THAT(message, HasSubstr("tokenizer.json: field Regex")) << pattern;
    EXPECT_TRUE(test::IsOneLine(message));
  }
  EXPECT_THAT(test::Thrown([&] { return Matches(PatternOf("("), "a"); }),
              HasSubstr("does not compile (end pattern with unmatched parenthesis)"));
  EXPECT_THAT(test::Thrown([&] { return Matches(PatternOf(std::string(20000, 'a')), "a"); }),
              StartsWith("unsupported: a regular expression of 20000 bytes"));
  EXPECT_THAT(test::Thrown([&] { return Matches(PatternOf(std::string(1001, '(')), "a"); }),
              StartsWith("unsupported: a regular expression with 1001 brackets"));
}

TEST(Regex, RefusesWhatHasNoBound) {
  for (const char* pattern : {R"((?<a>x\g<a>?))", "(?~ab)", "(?{x})a", "(*FAIL)"}) {
    EXPECT_THAT(test::Thrown([&] { return Matches(PatternOf(pattern), "a"); }),
                StartsWith("unsupported: a regular expression with "))
        << pattern;
  }
  EXPECT_THAT(Matches(PatternOf(R"(\\g|[(*]|[\g])"), R"(\g*g)"),
              ElementsAre(R"(0:\g)", "2:*", "3:g"));
  EXPECT_THAT(Matches(PatternOf(R"(a\Kb)"), "ab"), ElementsAre("1:b"));
}

TEST(Regex, EndsCatastrophicMatches) {
  const std::string text(40, 'a');
  for (const char* pattern : {"(a+)+b", "(a|a)*b", "(a*)*c", "(?:a?){40}a{40}b"}) {
    const std::string message = test::Thrown([&] { return Matches(PatternOf(pattern), text); });
    // Some are optimised; none goes on for ever.
    if (message == "no error") continue;
    EXPECT_THAT(message,
                StartsWith("unsupported: a regular expression takes too long on this text"))
        << pattern;
    EXPECT_THAT(message, HasSubstr("tokenizer.json: field Regex"));
  }
  EXPECT_THAT(test::Thrown([&] { return Matches(PatternOf("(a|b|ab)*?(c|d)\\1e"), text + "cab"); }),
              testing::AnyOf(HasSubstr("too long"), testing::Eq("no error")));
}

// Each place takes less than one search may, and all together would take minutes.
TEST(Regex, EndsManyExpensivePlaces) {
  std::string text;
  while (text.size() < 4000) text += "the quick brown fox jumps over the dog. ";
  const Pattern pattern = PatternOf("[a-z .]{0,50}[a-z .]{0,50}[a-z .]{0,50}[a-z .]{0,50}(?!.)");
  const auto begin = std::chrono::steady_clock::now();
  Regex::StartText();
  EXPECT_THAT(test::Thrown([&] { return Matches(pattern, text); }),
              StartsWith("unsupported: a regular expression takes too long on this text"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(100));
  // The next text begins anew. As tokenizers 0.22 has it, the first match is the longest that ends
  // at the text's end.
  Regex::StartText();
  EXPECT_THAT(Matches(pattern, text.substr(0, 220)), ElementsAre("20:" + text.substr(20, 200)));
}

// Of GPT-4o's: each run of spaces is gone back over once, as is each of letters.
TEST(Regex, ManyLongRunsAreNoReasonToEnd) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "a" + std::string(20050, ' ');
  text += "b";
  Regex::StartText();
  const auto matches = Matches(PatternOf(R"(\s*[\r\n]+|\s+(?!\S)|\s+|\p{L}+)"), text);
  EXPECT_EQ(matches.size(), 121u);  // a letter, its spaces but one, and that one
}

// Looking ahead to the end takes no step back.
TEST(Regex, EndsManyLongLooksAhead) {
  const std::string text = std::string(20000, 'a') + "x";
  const Pattern pattern = PatternOf(".(?=.*x)");
  Regex::StartText();
  EXPECT_EQ(Matches(pattern, text.substr(19000)).size(), 1000u);
  Regex::StartText(std::chrono::milliseconds(100));
  EXPECT_THAT(test::Thrown([&] { return Matches(pattern, text); }),
              HasSubstr("too long on this text (time over)"));
  Regex::StartText();
}

// What lies behind the places of one search is seen all the same.
TEST(Regex, LooksBeyondWhereItSearches) {
  for (const size_t size : {63, 64, 255, 4095, 65535, 65536, 70000}) {
    std::string text(size, 'x');
    text += "ab";
    EXPECT_THAT(Matches(PatternOf("a(?!b)"), text), ElementsAre()) << size;
    EXPECT_THAT(Matches(PatternOf("x$|b"), text), ElementsAre(std::to_string(size + 1) + ":b"));
    EXPECT_THAT(Matches(PatternOf("(?:x?){12}x{12}$|b"), text),
                ElementsAre(std::to_string(size + 1) + ":b"));
    EXPECT_EQ(Matches(PatternOf("x+a"), text),
              std::vector<std::string>{"0:" + text.substr(0, size + 1)});
  }
}

// Longer than one search goes, and matches at the seams.
TEST(Regex, SearchesLongTextsPieceByPiece) {
  std::string text(300000, 'x');
  text += "ab";
  const Pattern pattern = PatternOf("(?<=xa)b|xa|(?<![^x])ab");
  EXPECT_THAT(Matches(pattern, text), ElementsAre("299999:xa", "300001:b"));
  std::string wide;
  for (int i = 0; i < 50000; ++i) wide += "中";
  EXPECT_THAT(Matches(PatternOf("é$"), wide + "é"), ElementsAre("150000:é"));
  // Each place takes some thousand steps, all together more than one search may.
  EXPECT_THAT(Matches(PatternOf("(?:x?){12}x{12}y"), std::string(20000, 'x') + "y").size(), 1);
}

TEST(Regex, CanBeStopped) {
  const Pattern pattern = PatternOf("a");
  std::stop_source source;
  source.request_stop();
  const std::stop_token stop = source.get_token();
  const auto error = test::ErrorOf([&] {
    pattern.ForEachMatch("b", &stop, [](const ByteRange&) {});
    return 0;
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kCancelled);
}

TEST(Regex, SeveralThreadsMayUseOne) {
  const Pattern pattern = PatternOf("b+");
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 2000; ++j) {
        EXPECT_THAT(Matches(pattern, "abbcb"), ElementsAre("1:bb", "4:b"));
      }
    });
  }
}

// Of characters on which Unicode's ages do not differ: what Oniguruma here and the one in
// tokenizers both know.
bool IsOfAnyAge(char32_t c) {
  static const Regex known_letter(R"(\p{L})", "test");
  static const Regex known_number(R"(\p{N})", "test");
  std::string text;
  AppendUtf8(c, &text);
  const uint8_t classes = RegexClasses(c);
  return known_letter.Find(text, 0, nullptr).has_value() == ((classes & kRegexLetter) != 0) &&
         known_number.Find(text, 0, nullptr).has_value() == ((classes & kRegexNumber) != 0);
}

TEST(WordScanner, AgreesWithOniguruma) {
  std::mt19937 random(9);
  const std::u32string interesting =
      U"''''sStTrReEvVmMlLdDſ  \t\n\r\r\n\u0085\u00a0\u3000\u200b0129²½ⅧaéÉß中한!?.-_\u0301😀";
  const auto character = [&]() -> char32_t {
    if (random() % 10 < 9) return interesting[random() % interesting.size()];
    const auto c = static_cast<char32_t>(random() % 0x110000);
    return (c >= 0xD800 && c < 0xE000) || !IsOfAnyAge(c) ? U'x' : c;
  };
  for (const char* pattern : {kGpt2, kQwen2, kLlama3}) {
    ASSERT_NE(FindWordScanner(pattern), nullptr);
    const Regex regex(pattern, "test");
    const WordScanner scanner = FindWordScanner(pattern);
    for (int i = 0; i < 3000; ++i) {
      std::string text;
      for (auto n = 1 + random() % 30; n > 0; --n) AppendUtf8(character(), &text);
      for (size_t at = 0; at < text.size();) {
        const auto match = regex.Find(text, at, nullptr);
        ASSERT_TRUE(match);
        ASSERT_EQ(match->begin, at) << text;
        ASSERT_EQ(scanner(text, at), match->end) << text << " at " << at << ": " << pattern;
        at = match->end;
      }
    }
  }
  EXPECT_EQ(FindWordScanner(R"(\p{L}+)"), nullptr);
}

// Every character alone and between others, so that each class of each is seen.
TEST(WordScanner, AgreesWithOnigurumaOnEveryCharacter) {
  const Regex regex(kQwen2, "test");
  const WordScanner scanner = FindWordScanner(kQwen2);
  size_t of_other_age = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text = "'";
    AppendUtf8(c, &text);
    text += "a1\n";
    for (size_t at = 0; at < text.size();) {
      const auto match = regex.Find(text, at, nullptr);
      ASSERT_TRUE(match);
      if (scanner(text, at) != match->end) {
        EXPECT_FALSE(IsOfAnyAge(c)) << static_cast<uint32_t>(c);
        ++of_other_age;
        break;
      }
      at = match->end;
    }
  }
  EXPECT_LT(of_other_age, 20000u);
}

std::vector<std::string> Pieces(std::string_view pre_tokenizer, std::string_view text) {
  const auto stage =
      PreTokenizerFromJson(json::Document::Parse(pre_tokenizer, "tokenizer.json")->root());
  NormalizedString normalized;
  normalized.Assign(text, 0);
  PretokenizedString pretokenized;
  pretokenized.Clear(nullptr);
  pretokenized.Append(normalized, {0, text.size()});
  stage->PreTokenize(&pretokenized);
  std::vector<std::string> pieces;
  for (const auto& piece : pretokenized.pieces()) {
    pieces.emplace_back(pretokenized.View(piece.range));
  }
  return pieces;
}

TEST(Split, CutsInFiveWays) {
  const auto split = [](std::string_view pattern, std::string_view behavior, bool invert) {
    return Pieces(R"({"type":"Split","pattern":)" + std::string(pattern) + R"(,"behavior":")" +
                      std::string(behavior) + R"(","invert":)" + (invert ? "true" : "false") + "}",
                  "a--b");
  };
  EXPECT_THAT(split(R"({"String":"-"})", "Removed", false), ElementsAre("a", "b"));
  EXPECT_THAT(split(R"({"String":"-"})", "Isolated", false), ElementsAre("a", "-", "-", "b"));
  EXPECT_THAT(split(R"({"Regex":"-"})", "MergedWithPrevious", false), ElementsAre("a-", "-", "b"));
  EXPECT_THAT(split(R"({"Regex":"-"})", "MergedWithNext", false), ElementsAre("a", "-", "-b"));
  EXPECT_THAT(split(R"({"Regex":"-"})", "Contiguous", false), ElementsAre("a", "--", "b"));
  EXPECT_THAT(split(R"({"Regex":"-"})", "Removed", true), ElementsAre("-", "-"));
  EXPECT_THAT(split(R"({"String":""})", "Isolated", false), ElementsAre("a", "-", "-", "b"));
  EXPECT_THAT(split(R"({"String":"a--b"})", "Removed", false), ElementsAre());
  EXPECT_THAT(test::Thrown([&] { return split(R"({"Regex":"("})", "Removed", false); }),
              HasSubstr("tokenizer.json: field pattern.Regex"));
  EXPECT_THAT(test::Thrown([&] { return split(R"({"Regex":"a"})", "Some", false); }),
              HasSubstr("unknown behavior 'Some'"));
  EXPECT_THAT(test::Thrown([&] { return split(R"({"Other":"a"})", "Removed", false); }),
              HasSubstr("pattern"));
}

TEST(Replace, ReplacesMatchesOfARegularExpression) {
  const auto normalizer = NormalizerFromJson(
      json::Document::Parse(R"({"type":"Replace","pattern":{"Regex":" {2,}|é$"},"content":"▁"})",
                            "tokenizer.json")
          ->root());
  NormalizedString text;
  text.Assign("a   b é", 0);
  normalizer->Normalize(&text);
  EXPECT_EQ(text.text(), "a▁b ▁");
  EXPECT_EQ(text.origins()[1], (Offset{3, 4}));  // of the last character replaced
}

}  // namespace
}  // namespace bge::tokenizer
