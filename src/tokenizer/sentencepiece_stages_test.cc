// The smaller stages that SentencePiece's tokenizers are made of, and those that cut by characters.
#include "tests/expect_error.h"
#include "tokenizer/test_sentencepiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Cut {
  std::vector<std::string> pieces;
  std::vector<Offset> offsets;
};

Cut CutBy(std::string_view json, std::string_view text, uint32_t first_character = 0) {
  const auto document = json::Document::Parse(json, "file");
  const auto pre_tokenizer = PreTokenizerFromJson(document->root());
  NormalizedString normalized;
  normalized.Assign(text, first_character);
  PretokenizedString pretokenized;
  pretokenized.Clear(nullptr);
  pretokenized.Append(normalized, {0, text.size()});
  pre_tokenizer->PreTokenize(&pretokenized);
  Cut cut;
  for (const auto& piece : pretokenized.pieces()) {
    cut.pieces.emplace_back(pretokenized.View(piece.range));
    cut.offsets.push_back(pretokenized.Original(piece.range));
  }
  return cut;
}

std::string NormalizedBy(std::string_view json, std::string_view text) {
  const auto document = json::Document::Parse(json, "file");
  NormalizedString normalized;
  normalized.Assign(text, 0);
  NormalizerFromJson(document->root())->Normalize(&normalized);
  return normalized.text();
}

TEST(Metaspace, MarksWords) {
  const Cut cut = CutBy(R"({"type":"Metaspace","replacement":"▁"})", "Hey  friend!");
  EXPECT_THAT(cut.pieces, ElementsAre("▁Hey", "▁", "▁friend!"));
  EXPECT_THAT(cut.offsets, ElementsAre(Offset{0, 3}, Offset{3, 4}, Offset{4, 12}));
}

TEST(Metaspace, PrependsAsTheSchemeSays) {
  const auto cut = [](std::string_view fields, std::string_view text, uint32_t first = 0) {
    return CutBy(R"({"type":"Metaspace","replacement":"_",)" + std::string(fields) + "}", text,
                 first)
        .pieces;
  };
  EXPECT_THAT(cut(R"("prepend_scheme":"always")", "a", 5), ElementsAre("_a"));
  EXPECT_THAT(cut(R"("prepend_scheme":"first")", "a", 5), ElementsAre("a"));
  EXPECT_THAT(cut(R"("prepend_scheme":"first")", "a b"), ElementsAre("_a", "_b"));
  EXPECT_THAT(cut(R"("prepend_scheme":"never")", "a b"), ElementsAre("a", "_b"));
  EXPECT_THAT(cut(R"("prepend_scheme":"always")", " a"), ElementsAre("_a"));
  EXPECT_THAT(cut(R"("prepend_scheme":"always")", "_a"), ElementsAre("_a"));
  EXPECT_THAT(cut(R"("prepend_scheme":"always","split":false)", "a b_c"), ElementsAre("_a_b_c"));
  EXPECT_THAT(cut(R"("add_prefix_space":true,"str_rep":"_")", "a b"), ElementsAre("_a", "_b"));
  EXPECT_THAT(cut(R"("add_prefix_space":false,"prepend_scheme":"never")", "a b"),
              ElementsAre("a", "_b"));
  const auto thrown = [&](std::string_view fields) {
    return test::Thrown([&] { cut(fields, "a"); });
  };
  EXPECT_THAT(thrown(R"("add_prefix_space":false)"), HasSubstr("file: field add_prefix_space"));
  EXPECT_THAT(thrown(R"("prepend_scheme":"x")"), HasSubstr("expected always, first or never"));
  EXPECT_THAT(thrown(R"("prepend_scheme":null)"), HasSubstr("field prepend_scheme"));
  for (const char* replacement : {"", "ab", "▁▁"}) {
    EXPECT_THAT(test::Thrown([&] {
                  CutBy(R"({"type":"Metaspace","replacement":")" + std::string(replacement) + "\"}",
                        "a");
                }),
                HasSubstr("field replacement"));
  }
}

TEST(Metaspace, DecodesToSpaces) {
  const auto decode = [](std::string_view fields) {
    const auto document = json::Document::Parse(
        R"({"type":"Metaspace","replacement":"▁",)" + std::string(fields) + "}", "file");
    return DecoderFromJson(document->root())->Decode({"▁He▁y", "▁", "▁fri", "end"});
  };
  EXPECT_EQ(decode(R"("prepend_scheme":"always")"), "Hey  friend");
  EXPECT_EQ(decode(R"("prepend_scheme":"first")"), "Hey  friend");
  EXPECT_EQ(decode(R"("prepend_scheme":"never")"), " He y  friend");
}

TEST(PreTokenizers, CutByCharacters) {
  EXPECT_THAT(CutBy(R"({"type":"CharDelimiterSplit","delimiter":"é"})", "aéébé").pieces,
              ElementsAre("a", "b"));
  EXPECT_THAT(CutBy(R"({"type":"FixedLength"})", "aébcdef").pieces, ElementsAre("aébcd", "ef"));
  EXPECT_THAT(CutBy(R"({"type":"FixedLength","length":2})", "aéb").pieces, ElementsAre("aé", "b"));
  EXPECT_THAT(CutBy(R"({"type":"UnicodeScripts"})", "Apples are りんご 林檎").pieces,
              ElementsAre("Apples are ", "りんご 林檎"));
  EXPECT_THAT(CutBy(R"({"type":"UnicodeScripts"})", "  a").pieces, ElementsAre("a"));
  EXPECT_THAT(CutBy(R"({"type":"UnicodeScripts"})", "  ").pieces, IsEmpty());
  EXPECT_THAT(test::Thrown([] { CutBy(R"({"type":"FixedLength","length":0})", "a"); }),
              HasSubstr("field length"));
  EXPECT_THAT(test::Thrown([] { CutBy(R"({"type":"CharDelimiterSplit","delimiter":"ab"})", "a"); }),
              HasSubstr("field delimiter"));
}

TEST(Normalizers, CleanAndCollapse) {
  EXPECT_EQ(NormalizedBy(R"({"type":"Nmt"})", "a\x01\t\u200b▁\ufeff\u009fb"), "a    b");
  constexpr std::string_view kRuns =
      R"({"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"})";
  EXPECT_EQ(NormalizedBy(kRuns, " a  b   c "), " a▁b▁c ");
}

}  // namespace
}  // namespace bge::tokenizer
