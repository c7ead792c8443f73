// SentencePiece files without a tokenizer.json, and files that are none.
#include "tests/expect_error.h"
#include "tests/temp_dir.h"
#include "tokenizer/sentencepiece/directory.h"
#include "tokenizer/sentencepiece/model_file.h"
#include "tokenizer/test_sentencepiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The pieces of a file; <sep> is user-defined.
TestProto SmallModel(int model_type = 1) {
  TestProto trainer;
  trainer.Varint(3, static_cast<uint64_t>(model_type)).Varint(40, 0).Bytes(45, "<unk>");
  TestProto normalizer;
  normalizer.Bytes(1, "nmt_nfkc").Bytes(2, TestCharsmap(TestRules()).bytes()).Varint(3, 1);
  TestProto model;
  model.Piece("<unk>", 0, 2).Piece("<s>", 0, 3).Piece("</s>", 0, 3);
  model.Piece("▁", -2).Piece("a", -4).Piece("b", -4).Piece("▁hello", -3).Piece("<sep>", 0, 4);
  return model.Bytes(2, trainer.bytes()).Bytes(3, normalizer.bytes()).Varint(200, 7);
}

TEST(SentencePieceFile, IsXlmRobertasByItsName) {
  const test::TempDir dir;
  dir.Write("sentencepiece.bpe.model", SmallModel().bytes());
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_EQ(tokenizer.vocab_size(), 10);
  EXPECT_EQ(tokenizer.TokenToId("<s>"), 0);
  EXPECT_EQ(tokenizer.TokenToId("<pad>"), 1);
  EXPECT_EQ(tokenizer.TokenToId("</s>"), 2);
  EXPECT_EQ(tokenizer.TokenToId("<unk>"), 3);
  EXPECT_EQ(tokenizer.TokenToId("▁"), 4);
  EXPECT_EQ(tokenizer.TokenToId("<sep>"), 8);
  EXPECT_EQ(tokenizer.TokenToId("<mask>"), 9);
  EXPECT_THAT(tokenizer.Encode("hello a\u3000zz<mask> <sep>").ids,
              ElementsAre(0, 7, 4, 5, 4, 3, 9, 8, 2));
  EXPECT_THAT(tokenizer.EncodePair("a", "b").ids, ElementsAre(0, 4, 5, 2, 2, 4, 6, 2));
  EXPECT_EQ(tokenizer.Decode({0, 7, 4, 5, 2}, true), "hello a");
  EXPECT_TRUE(tokenizer.impl().has_fast_path());
  // The file alone has no directory.
  EXPECT_THAT(Tokenizer::Load(dir.path() / "sentencepiece.bpe.model").Encode("hello").ids,
              ElementsAre(0, 7, 2));
}

TEST(SentencePieceFile, ReadsTheConfiguration) {
  const test::TempDir dir;
  dir.Write("tokenizer.model", SmallModel().bytes());
  dir.Write("tokenizer_config.json",
            R"({"tokenizer_class":"XLMRobertaTokenizerFast","add_prefix_space":false,
                "mask_token":{"content":"[M]","lstrip":true,"normalized":false},
                "additional_special_tokens":["<new>"],"truncation_side":"left"})");
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_THAT(tokenizer.Encode("hello [M]<new>", {.want_offsets = true}).offsets,
              ElementsAre(Offset{0, 0}, Offset{0, 5}, Offset{5, 9}, Offset{9, 14}, Offset{0, 0}));
  EXPECT_EQ(tokenizer.TokenToId("<new>"), 10);
  EXPECT_THAT(tokenizer.Encode("a b", {.max_length = 3}).ids, ElementsAre(0, 6, 2));
}

TEST(SentencePieceFile, IsT5s) {
  const test::TempDir dir;
  dir.Write("spiece.model", SmallModel().bytes());
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"T5Tokenizer","extra_ids":3})");
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_EQ(tokenizer.TokenToId("<extra_id_2>"), 8);
  EXPECT_EQ(tokenizer.TokenToId("<extra_id_0>"), 10);
  EXPECT_EQ(tokenizer.TokenToId("<pad>"), 11);
  EXPECT_THAT(tokenizer.Encode("hello<extra_id_0>q").ids, ElementsAre(6, 10, 3, 2, 2));
  EXPECT_THAT(tokenizer.EncodePair("hello", "a").ids, ElementsAre(6, 2, 3, 4, 2));
}

TEST(SentencePieceFile, IsConvertedAsItIs) {
  const test::TempDir dir;
  dir.Write("tokenizer.model", SmallModel().bytes());
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_THAT(tokenizer.Encode("hello   a<s>b  ").ids, ElementsAre(6, 3, 4, 1, 3, 5));
  EXPECT_TRUE(tokenizer.is_special(1));
  EXPECT_FALSE(tokenizer.is_special(7));
}

// transformers puts an XLMRobertaTokenizer together itself, whatever tokenizer.json states beside
// its pieces and its charsmap.
TEST(SentencePieceFile, TheClassCountsBesideTokenizerJson) {
  const test::TempDir dir;
  const std::string normalizer =
      R"({"type":"Sequence","normalizers":[)" + PrecompiledJson() +
      R"(,{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]})";
  const std::string json = UnigramJson(normalizer, R"({"type":"Metaspace","replacement":"▁"})");
  dir.Write("tokenizer.json", json);
  std::vector<std::string> warnings;
  const auto ids = [&](std::string_view text) {
    warnings.clear();
    const Tokenizer tokenizer = Tokenizer::Load(
        dir.path(), [&](std::string_view warning) { warnings.emplace_back(warning); });
    return tokenizer.Encode(text).ids;
  };
  EXPECT_EQ(ids("a ").size(), 4u);
  EXPECT_TRUE(warnings.empty());
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"XLMRobertaTokenizer"})");
  EXPECT_EQ(ids("a ").size(), 3u);
  EXPECT_EQ(warnings.size(), 3u);  // normalisation, words, and the template's pair
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"T5Tokenizer"})");
  EXPECT_EQ(ids("a ").size(), 2u);
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"XLNetTokenizer"})");
  EXPECT_EQ(ids("a ").size(), 4u);
  // The number that the file states, and not the one that serde makes of it.
  constexpr std::string_view kModel =
      R"({"type":"Unigram","unk_id":0,"vocab":[["<s>",0],["x",-15.774467468261719],["</s>",0],["y",0],["▁",0],["xy",-15.77446746826172]]})";
  dir.Write("tokenizer.json", UnigramJson(PrecompiledJson(), kWhitespaceMetaspace, "[]", kModel));
  EXPECT_THAT(ids("xy"), ElementsAre(0, 4, 5, 2));
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"XLMRobertaTokenizer"})");
  EXPECT_THAT(ids("xy"), ElementsAre(0, 4, 1, 3, 2));
}

TEST(SentencePieceFile, OtherModelsAndClassesAreRefused) {
  const test::TempDir dir;
  const auto load = [&] { return Tokenizer::Load(dir.path()); };
  dir.Write("tokenizer.model", SmallModel(3).bytes());
  EXPECT_THAT(test::Thrown(load), HasSubstr("unsupported: found a model of type WORD: "));
  EXPECT_THAT(test::Thrown(load), HasSubstr("tokenizer.model: field trainer_spec.model_type"));
  dir.Write("tokenizer.model", SmallModel().bytes());
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"CamembertTokenizer"})");
  EXPECT_THAT(test::Thrown(load), HasSubstr("unknown tokenizer class 'CamembertTokenizer'"));
  dir.Write("tokenizer_config.json", R"({"tokenizer_class":"AlbertTokenizer"})");
  EXPECT_THAT(test::Thrown(load), HasSubstr("no piece '[CLS]'"));
}

TEST(SentencePieceFile, ErrorsNameTheField) {
  const auto thrown = [](const TestProto& proto) {
    return test::Thrown([&] { ParseSentencePieceModel(proto.bytes(), "m"); });
  };
  TestProto wrong;
  EXPECT_THAT(thrown(wrong), HasSubstr("found no pieces: m: field pieces"));
  EXPECT_THAT(thrown(TestProto().Varint(1, 5)),
              HasSubstr("found wire type 0: m: field pieces[0]: expected bytes"));
  EXPECT_THAT(thrown(TestProto().Bytes(1, TestProto().Varint(2, 1).bytes())),
              HasSubstr("m: field pieces[0].score"));
  EXPECT_THAT(thrown(TestProto().Bytes(1, TestProto().Varint(3, 9).bytes())),
              HasSubstr("found 9: m: field pieces[0].type: expected 1 to 6"));
  EXPECT_THAT(thrown(TestProto().Bytes(1, TestProto().Bytes(1, "a\xff").bytes())),
              HasSubstr("byte 1 is not UTF-8: m: field pieces[0].piece"));
  EXPECT_THAT(thrown(TestProto().Piece("a", 0).Bytes(2, TestProto().Varint(3, 5).bytes())),
              HasSubstr("found 5: m: field trainer_spec.model_type"));
  EXPECT_THAT(
      thrown(TestProto().Bytes(1, "\x0a\x7f")),
      HasSubstr("found a length of 127 bytes where 0 are left: m: field pieces[0], byte 2"));
  EXPECT_THAT(thrown(TestProto().Bytes(1, "\x0b")), HasSubstr("found wire type 3"));
  EXPECT_THAT(thrown(TestProto().Bytes(1, std::string(11, '\x80'))),
              HasSubstr("more than ten bytes"));
  EXPECT_THAT(thrown(TestProto().Bytes(1, std::string_view("\0", 1))),
              HasSubstr("found field number 0"));
}

// Whatever is in the file, it is a tokenizer or an error.
TEST(SentencePieceFile, SurvivesBrokenFiles) {
  const test::TempDir dir;
  const std::string good = [] {
    TestProto normalizer;
    normalizer.Bytes(2, TestCharsmap(Rules{{"A", "a"}}).bytes().substr(0, 300)).Varint(3, 1);
    TestProto model;
    model.Piece("<unk>", 0, 2)
        .Piece("<s>", 0, 3)
        .Piece("</s>", 0, 3)
        .Piece("▁a", -1)
        .Piece("é", -2);
    return model.Bytes(2, TestProto().Varint(3, 1).Varint(40, 0).bytes()).bytes();
  }();
  const auto use = [&](std::string_view bytes) {
    dir.Write("tokenizer.model", bytes);
    try {
      Tokenizer::Load(dir.path()).Encode("a é zz <s>");
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kCorruptData ||
                  error.code() == ErrorCode::kUnsupported)
          << error.what();
      EXPECT_TRUE(test::IsOneLine(error.what()));
    }
  };
  for (size_t size = 0; size <= good.size(); ++size) use(good.substr(0, size));
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    for (size_t flips = 1 + random() % 3; flips > 0; --flips) {
      const size_t at = random() % bad.size();
      bad[at] = static_cast<char>(bad[at] ^ 1 << random() % 8);
    }
    use(bad);
  }
}

}  // namespace
}  // namespace bge::tokenizer
