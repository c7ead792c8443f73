// What Hugging Face tokenizers 0.23.3 made of hard strings (tools/oracle/tokens_goldens.py), and
// what public test suites say about BGE's own tokenizer where the developers' data is at hand.
#include "bge/error.h"
#include "bge/tokenizer.h"

#include "base/json.h"
#include "tests/temp_dir.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace bge {
namespace {

namespace fs = std::filesystem;

const fs::path kGoldens = fs::path(BGE_TEST_DATA_DIR) / "tokenizer";
const fs::path kShared = fs::path(BGE_SHARED_DIR) / "data" / "tokenizers";

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

template <typename T>
std::vector<T> Integers(const json::Value& json) {
  std::vector<T> values;
  json.ForEachElement([&](json::Value v) { values.push_back(static_cast<T>(v.AsInt())); });
  return values;
}

TokenizeOptions ReadOptions(const json::Value& json) {
  TokenizeOptions options;
  options.want_offsets = true;
  if (const auto value = json.Find("max_length")) options.max_length = value->AsInt();
  if (const auto value = json.Find("special")) options.add_special_tokens = value->AsBool();
  if (const auto value = json.Find("strategy")) {
    options.strategy = value->AsString() == "only_first" ? TruncationStrategy::kOnlyFirst
                                                         : TruncationStrategy::kOnlySecond;
  }
  return options;
}

void CheckCase(const Tokenizer& tokenizer, const json::Value& json) {
  const std::string a = FromHex(json.At("a").AsString());
  const TokenizeOptions options = ReadOptions(json);
  const auto b = json.Find("b");
  const auto encode = [&] {
    return b ? tokenizer.EncodePair(a, FromHex(b->AsString()), options)
             : tokenizer.Encode(a, options);
  };
  if (json.Find("error")) {
    EXPECT_THROW(encode(), Error);
    return;
  }
  const Encoding encoding = encode();
  EXPECT_EQ(encoding.ids, Integers<int32_t>(json.At("ids")));
  EXPECT_EQ(encoding.type_ids, Integers<int32_t>(json.At("type_ids")));
  EXPECT_EQ(encoding.special_tokens_mask, Integers<uint8_t>(json.At("special_tokens_mask")));
  const auto flat = Integers<uint32_t>(json.At("offsets"));
  ASSERT_EQ(encoding.offsets.size() * 2, flat.size());
  for (size_t i = 0; i < encoding.offsets.size(); ++i) {
    EXPECT_EQ(encoding.offsets[i], (Offset{flat[2 * i], flat[2 * i + 1]})) << "token " << i;
  }
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class TokenizerGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(TokenizerGolden, IsWhatHuggingFaceTokenizersSays) {
  const std::string name = GetParam();
  const Tokenizer tokenizer = Tokenizer::Load(kGoldens / (name + ".json"));
  std::ifstream file(kGoldens / (name + ".jsonl"));
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    SCOPED_TRACE(name + ".jsonl:" + std::to_string(cases + 1));
    const auto document = json::Document::Parse(line, name + ".jsonl");
    CheckCase(tokenizer, document->root());
  }
  EXPECT_GT(cases, 30);
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerGolden,
                         ::testing::Values("bert", "bert_cased", "nfc", "nfd", "nfkc", "nfkd",
                                           "cuts", "byte_level", "split", "llama", "unigram_xlmr",
                                           "unigram_xlmr_new", "unigram_t5"));

// Writes a value as JSON again.
std::string JsonOf(const json::Value& value) {
  switch (value.type()) {
    case json::Type::kNull:
      return "null";
    case json::Type::kBool:
      return value.AsBool() ? "true" : "false";
    case json::Type::kInt:
      return std::to_string(value.AsInt());
    case json::Type::kString:
      return "\"" + std::string(value.AsString()) + "\"";  // of these files none needs escapes
    case json::Type::kArray: {
      std::string text;
      for (const json::Value& v : value.Elements()) text += (text.empty() ? "" : ",") + JsonOf(v);
      return "[" + text + "]";
    }
    default: {
      std::string text;
      value.ForEachMember([&](std::string_view key, json::Value v) {
        text += (text.empty() ? "\"" : ",\"") + std::string(key) + "\":" + JsonOf(v);
      });
      return "{" + text + "}";
    }
  }
}

// A directory of one SentencePiece file, of type BPE or UNIGRAM, and other files beside it.
void CheckDirectory(const std::string& model, const std::string& class_name) {
  const std::string name = model + "_" + class_name + ".jsonl";
  const test::TempDir dir;
  std::optional<Tokenizer> tokenizer;
  std::ifstream file(kGoldens / name);
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    SCOPED_TRACE(name + ":" + std::to_string(lines + 1));
    const auto document = json::Document::Parse(line, name);
    if (!tokenizer) {
      const auto model_file = document->root().Find("file");
      dir.Write(model_file ? std::string(model_file->AsString()) : "tokenizer.model",
                ReadAll(kGoldens / (model + ".model")));
      document->root().At("files").ForEachMember([&](std::string_view file_name, json::Value v) {
        dir.Write(std::string(file_name), JsonOf(v));
      });
      tokenizer = Tokenizer::Load(dir.path());
      continue;
    }
    CheckCase(*tokenizer, document->root());
    if (const auto decoded = document->root().Find("decoded")) {
      EXPECT_EQ(tokenizer->Decode(Integers<int32_t>(document->root().At("ids"))),
                decoded->AsString());
    }
  }
  EXPECT_GT(lines, 30);
}

class SentencePieceBpeGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(SentencePieceBpeGolden, IsWhatAutoTokenizerMakesOfTheDirectory) {
  CheckDirectory("sentencepiece_bpe", GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, SentencePieceBpeGolden,
                         ::testing::Values("alone", "llama", "llama_legacy", "mistral",
                                           "code_llama", "gemma", "decoder", "map"));

class SentencePieceUnigramGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(SentencePieceUnigramGolden, IsWhatAutoTokenizerMakesOfTheDirectory) {
  CheckDirectory("sentencepiece_unigram", GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, SentencePieceUnigramGolden,
                         ::testing::Values("xlmr", "xlmr_flags", "t5"));

TEST(BgeTokenizer, AgreesWithLlamaCppOnItsHardStrings) {
  const fs::path base = kShared / "llama.cpp" / "ggml-vocab-bert-bge.gguf";
  if (!fs::exists(base.string() + ".inp")) GTEST_SKIP() << "the developers' data is not here";
  const Tokenizer tokenizer = Tokenizer::Load(kShared / "bge-small-en-v1.5");
  const std::string inputs = ReadAll(base.string() + ".inp");
  std::istringstream outputs(ReadAll(base.string() + ".out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  int cases = 0;
  std::string line;
  for (size_t begin = 0; begin < inputs.size() && std::getline(outputs, line); ++cases) {
    const size_t end = std::min(inputs.find(separator, begin), inputs.size());
    std::istringstream numbers(line);
    const std::vector<int32_t> expected{std::istream_iterator<int32_t>(numbers), {}};
    const std::string text = inputs.substr(begin, end - begin);
    EXPECT_EQ(tokenizer.Encode(text, {.add_special_tokens = false}).ids, expected) << text;
    begin = end + separator.size();
  }
  EXPECT_GE(cases, 40);
}

TEST(BgeTokenizer, AgreesWithTheSquadQuestionsOfSwiftTransformers) {
  const fs::path dir = kShared / "golden" / "swift-transformers";
  if (!fs::exists(dir / "question_tokens.json")) GTEST_SKIP() << "the developers' data is not here";
  const Tokenizer tokenizer = Tokenizer::Load(kShared / "bge-small-en-v1.5");
  const auto questions = json::Document::Load((dir / "question_tokens.json").string());
  const auto ids = json::Document::Load((dir / "tokenized_questions.json").string());
  const auto expected = ids->root().Elements();
  size_t i = 0;
  questions->root().ForEachElement([&](json::Value question) {
    ASSERT_LT(i, expected.size());
    const auto text = question.At("original").AsString();
    EXPECT_EQ(tokenizer.Encode(text, {.add_special_tokens = false}).ids,
              Integers<int32_t>(expected[i]))
        << text;
    ++i;
  });
  EXPECT_EQ(i, 10570u);
}

}  // namespace
}  // namespace bge
