// SentencePiece files of type BPE: which class makes what of them, and files that are none. What
// the classes make of texts is in tests/tokenizer_golden_test.cc.
#include "tests/expect_error.h"
#include "tests/temp_dir.h"
#include "tokenizer/sentencepiece/directory.h"
#include "tokenizer/test_sentencepiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kUnknown = 2, kControl = 3, kByte = 6;

TestProto Pieces() {
  TestProto model;
  model.Piece("<unk>", 0, kUnknown).Piece("<s>", 0, kControl).Piece("</s>", 0, kControl);
  return model.Piece("<0x71>", 0, kByte);
}

// 4 ▁ab, 5 ab, 6 ▁, 7 a, 8 b.
TestProto WithText(TestProto model = Pieces(), float score = -1) {
  return model.Piece("▁ab", score).Piece("ab", -2).Piece("▁", -3).Piece("a", -4).Piece("b", -5);
}

std::string File(TestProto model, int model_type = 2) {
  TestProto trainer;
  trainer.Varint(3, static_cast<uint64_t>(model_type)).Varint(35, 1);
  return model.Bytes(2, trainer.bytes()).bytes();
}

constexpr std::string_view kLlama =
    R"({"tokenizer_class":"LlamaTokenizer","add_bos_token":true,"add_eos_token":true})";

TEST(SentencePieceBpeFile, PutsTheConfiguredTokensAroundEachText) {
  const test::TempDir dir;
  dir.Write("tokenizer.model", File(WithText()));
  dir.Write("tokenizer_config.json", kLlama);
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_THAT(tokenizer.Encode("ab q").ids, ElementsAre(1, 4, 6, 3, 2));
  const Encoding pair = tokenizer.EncodePair("ab", "b");
  EXPECT_THAT(pair.ids, ElementsAre(1, 4, 2, 1, 6, 8, 2));
  EXPECT_THAT(pair.type_ids, ElementsAre(0, 0, 0, 1, 1, 1, 1));
  EXPECT_EQ(tokenizer.Decode({1, 4, 6, 3, 2}), "ab q");
}

TEST(SentencePieceBpeFile, AloneIsTakenAsItIs) {
  const test::TempDir dir;
  dir.Write("tokenizer.model", File(WithText()));
  for (const auto& path : {dir.path(), dir.path() / "tokenizer.model"}) {
    EXPECT_THAT(Tokenizer::Load(path).Encode("ab ab").ids, ElementsAre(5, 4));
  }
}

TEST(SentencePieceBpeFile, ClassesThatCannotBeMadeOfItAreRefused) {
  const test::TempDir dir;
  dir.Write("tokenizer.model", File(WithText()));
  const auto error_of = [&](std::string_view config) {
    dir.Write("tokenizer_config.json", config);
    return test::Thrown([&] { Tokenizer::Load(dir.path()); });
  };
  EXPECT_THAT(error_of(R"({"tokenizer_class":"XLMRobertaTokenizer"})"),
              HasSubstr("unsupported: found a model of type BPE where the tokenizer class takes "
                        "UNIGRAM: "));
  EXPECT_THAT(error_of(R"({"tokenizer_class":"OtherTokenizerFast"})"),
              HasSubstr("unknown tokenizer class 'OtherTokenizerFast' of a SentencePiece file: "));
  EXPECT_THAT(error_of(R"({"tokenizer_class":"OtherTokenizerFast"})"),
              HasSubstr("tokenizer_config.json: field tokenizer_class"));
  EXPECT_THAT(error_of(R"({"tokenizer_class":"LlamaTokenizer","split_special_tokens":true})"),
              HasSubstr("tokenizer_config.json: field split_special_tokens"));
  EXPECT_THAT(error_of(R"({"tokenizer_class":"LlamaTokenizer","add_bos_token":"yes"})"),
              HasSubstr("tokenizer_config.json: field add_bos_token"));
  EXPECT_THAT(error_of(R"({"tokenizer_class":"LlamaTokenizer","extra_special_tokens":[1]})"),
              HasSubstr("tokenizer_config.json: field extra_special_tokens[0]"));
  EXPECT_THAT(error_of(R"({"tokenizer_class":"LlamaTokenizer","added_tokens_decoder":{"x":"a"}})"),
              HasSubstr("tokenizer_config.json: field added_tokens_decoder.x"));
}

// Merges rank by the id, so that no score matters.
TEST(SentencePieceBpeFile, ScoresMayBeAnything) {
  const test::TempDir dir;
  dir.Write("tokenizer_config.json", kLlama);
  for (const float score :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity(), 1e30f}) {
    dir.Write("tokenizer.model", File(WithText(Pieces(), score)));
    EXPECT_THAT(Tokenizer::Load(dir.path()).Encode("ab").ids, ElementsAre(1, 4, 2)) << score;
  }
}

TEST(SentencePieceBpeFile, OfEqualPiecesTheLastOneCounts) {
  const test::TempDir dir;
  dir.Write("tokenizer_config.json", kLlama);
  dir.Write("tokenizer.model", File(WithText().Piece("▁ab", -9).Piece("<s>", 0, kControl)));
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_THAT(tokenizer.Encode("ab").ids, ElementsAre(10, 9, 2));
  EXPECT_EQ(tokenizer.IdToToken(4), std::nullopt);
}

TEST(SentencePieceBpeFile, HugePiecesAndPairsAreRefused) {
  const test::TempDir dir;
  dir.Write("tokenizer.model", File(Pieces().Piece(std::string(1025, 'a'), 0)));
  EXPECT_THAT(test::Thrown([&] { Tokenizer::Load(dir.path()); }),
              HasSubstr("unsupported: a piece of 1025 bytes: "));
  // Each piece of n letters is made of n - 1 pairs.
  TestProto model = Pieces();
  for (char letter = 'a'; letter <= 's'; ++letter) {
    for (size_t n = 1; n <= 1024; ++n) model.Piece(std::string(n, letter), 0);
  }
  dir.Write("tokenizer.model", File(model));
  EXPECT_THAT(test::Thrown([&] { Tokenizer::Load(dir.path()); }),
              HasSubstr("unsupported: more than 8388608 pairs of pieces make a piece: "));
}

TEST(SentencePieceBpeFile, AMillionPieces) {
  const test::TempDir dir;
  TestProto model = WithText();
  for (int i = 0; i < 1'000'000; ++i) model.Piece("p" + std::to_string(i), 0);
  dir.Write("tokenizer.model", File(std::move(model)));
  dir.Write("tokenizer_config.json", kLlama);
  const Tokenizer tokenizer = Tokenizer::Load(dir.path());
  EXPECT_EQ(tokenizer.vocab_size(), 1'000'009);
  EXPECT_THAT(tokenizer.Encode("ab").ids, ElementsAre(1, 4, 2));
}

TEST(SentencePieceBpeFile, ErrorsNameTheOtherFiles) {
  const test::TempDir dir;
  dir.Write("tokenizer.model", File(WithText()));
  const auto error_of = [&](const char* file, std::string_view content) {
    dir.Write(file, content);
    const std::string error = test::Thrown([&] { Tokenizer::Load(dir.path()); });
    dir.Write(file, "{}");
    return error;
  };
  EXPECT_THAT(error_of("special_tokens_map.json", R"({"bos_token":5})"),
              HasSubstr("special_tokens_map.json: field bos_token"));
  EXPECT_THAT(error_of("special_tokens_map.json", R"({"pad_token":{"content":1}})"),
              HasSubstr("special_tokens_map.json: field pad_token.content"));
  EXPECT_THAT(error_of("special_tokens_map.json", R"({"extra_special_tokens":5})"),
              HasSubstr("special_tokens_map.json: field extra_special_tokens"));
  EXPECT_THAT(error_of("added_tokens.json", R"({"a":"x"})"),
              HasSubstr("added_tokens.json: field a"));
  EXPECT_THAT(error_of("added_tokens.json", R"({"a":-1})"),
              HasSubstr("added_tokens.json: field a"));
  EXPECT_THAT(error_of("added_tokens.json", "[]"), HasSubstr("added_tokens.json"));
  EXPECT_THAT(error_of("config.json", R"({"model_type":5})"),
              HasSubstr("config.json: field model_type"));
}

// A bit changed or an end cut off anywhere in any of the files beside the model.
TEST(SentencePieceBpeFile, SurvivesOtherBrokenFiles) {
  const test::TempDir dir;
  dir.Write("tokenizer.model", File(WithText()));
  const std::pair<const char*, std::string_view> files[] = {
      {"tokenizer_config.json",
       R"({"tokenizer_class":"CodeLlamaTokenizer","bos_token":{"content":"<s>","lstrip":true},)"
       R"("fill_token":"x","extra_special_tokens":["<a>"]})"},
      {"special_tokens_map.json",
       R"({"unk_token":"<unk>","pad_token":{"content":"p","rstrip":true},)"
       R"("extra_special_tokens":["q"]})"},
      {"added_tokens.json", R"({"<new>":9,"ab":5})"},
      {"config.json", R"({"model_type":"code_llama"})"}};
  std::mt19937 random(2);
  for (const auto& [name, good] : files) {
    const auto use = [&, file = name](std::string_view content) {
      dir.Write(file, content);
      try {
        Tokenizer::Load(dir.path()).Encode("ab q zz <s> A");
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == ErrorCode::kCorruptData ||
                    error.code() == ErrorCode::kUnsupported)
            << error.what();
        EXPECT_TRUE(test::IsOneLine(error.what()));
      }
    };
    for (size_t size = 0; size < good.size(); size += 2) use(good.substr(0, size));
    for (int i = 0; i < 100; ++i) {
      std::string bad(good);
      bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
      use(bad);
    }
    use(good);
  }
}

// Whatever is in the file, it is a tokenizer or an error.
TEST(SentencePieceBpeFile, SurvivesBrokenFiles) {
  const test::TempDir dir;
  TestProto with_charsmap = WithText();
  with_charsmap.Bytes(
      3, TestProto().Bytes(2, TestCharsmap(Rules{{"A", "a"}}).bytes().substr(0, 300)).bytes());
  const std::string good = File(std::move(with_charsmap));
  const auto use = [&](std::string_view bytes) {
    dir.Write("tokenizer.model", bytes);
    try {
      Tokenizer::Load(dir.path()).Encode("ab q zz <s> A");
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kCorruptData ||
                  error.code() == ErrorCode::kUnsupported)
          << error.what();
      EXPECT_TRUE(test::IsOneLine(error.what()));
    }
  };
  std::mt19937 random(1);
  for (const std::string_view name :
       {"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "TokenizersBackend"}) {
    dir.Write("tokenizer_config.json", R"({"tokenizer_class":")" + std::string(name) + "\"}");
    for (int i = 0; i < 300; ++i) {
      std::string bad = good;
      for (size_t flips = 1 + random() % 3; flips > 0; --flips) {
        const size_t at = random() % bad.size();
        bad[at] = static_cast<char>(bad[at] ^ 1 << random() % 8);
      }
      use(bad);
    }
  }
  for (size_t size = 0; size <= good.size(); ++size) use(good.substr(0, size));
}

}  // namespace
}  // namespace bge::tokenizer
