#include "encoder/bert_config.h"

#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kBert = R"({"architectures":["BertModel"],"model_type":"bert",
  "vocab_size":100,"hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,
  "intermediate_size":64,"max_position_embeddings":40,"type_vocab_size":2,"hidden_act":"gelu",
  "layer_norm_eps":1e-12,"position_embedding_type":"absolute"})";

BertConfig Read(std::string_view text) {
  const auto document = json::Document::Parse(text, "config.json");
  return BertConfig::FromJson(document->root());
}

std::string Replaced(std::string_view from, std::string_view to) {
  std::string text(kBert);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string ErrorOf(const std::string& text, ErrorCode code) {
  try {
    Read(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "no error";
}

TEST(BertConfig, ReadsBert) {
  const BertConfig c = Read(kBert);
  EXPECT_EQ(c.family, BertFamily::kBert);
  EXPECT_EQ(c.architecture, "BertModel");
  EXPECT_EQ(c.hidden_size, 32);
  EXPECT_EQ(c.num_layers, 2);
  EXPECT_EQ(c.max_tokens(), 40);
  EXPECT_EQ(c.type_vocab_size, 2);
  EXPECT_EQ(c.activation, Activation::kGeluErf);
}

TEST(BertConfig, RobertaLosesPositionsToItsPadding) {
  const BertConfig c =
      Read(Replaced(R"("model_type":"bert")", R"("model_type":"xlm-roberta","pad_token_id":1)"));
  EXPECT_EQ(c.family, BertFamily::kRoberta);
  EXPECT_EQ(c.max_tokens(), 38);
}

TEST(BertConfig, DistilBertHasNamesOfItsOwn) {
  const BertConfig c = Read(R"({"model_type":"distilbert","vocab_size":9,"dim":8,"n_layers":1,
    "n_heads":2,"hidden_dim":16,"max_position_embeddings":4,"activation":"relu"})");
  EXPECT_EQ(c.family, BertFamily::kDistilBert);
  EXPECT_EQ(c.architecture, "distilbert");
  EXPECT_EQ(c.hidden_size, 8);
  EXPECT_EQ(c.type_vocab_size, 0);
  EXPECT_EQ(c.activation, Activation::kRelu);
}

constexpr std::string_view kMpnet = R"({"architectures":["MPNetForMaskedLM"],"model_type":"mpnet",
  "vocab_size":100,"hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,
  "intermediate_size":64,"max_position_embeddings":42,"hidden_act":"gelu","layer_norm_eps":1e-5,
  "bos_token_id":0,"pad_token_id":1,"eos_token_id":2,"relative_attention_num_buckets":32})";

TEST(BertConfig, MpnetHasBucketsOfDistancesAndNoTypes) {
  const BertConfig c = Read(kMpnet);
  EXPECT_EQ(c.family, BertFamily::kMpnet);
  EXPECT_EQ(c.type_vocab_size, 0);
  EXPECT_EQ(c.relative_buckets, 32);
  EXPECT_EQ(c.max_tokens(), 40);
  EXPECT_EQ(c.layer_norm_eps, 1e-5f);
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(kMpnet);
    return text.replace(text.find(from), from.size(), to);
  };
  // Its code counts positions from 1, and distances into 32 buckets, whatever the file says.
  EXPECT_EQ(Read(with(R"("pad_token_id":1)", R"("pad_token_id":7)")).padding_id, 1);
  EXPECT_EQ(Read(with("buckets\":32", "buckets\":48")).relative_buckets, 48);
  EXPECT_EQ(Read(with("buckets\":32", "buckets\":null")).relative_buckets, 32);
  EXPECT_THAT(ErrorOf(with("buckets\":32", "buckets\":31"), ErrorCode::kCorruptData),
              AllOf(HasSubstr("relative_attention_num_buckets"), HasSubstr("found 31")));
  EXPECT_THAT(ErrorOf(with("embeddings\":42", "embeddings\":2"), ErrorCode::kCorruptData),
              HasSubstr("expected more than 2"));
}

TEST(BertConfig, ErrorsNameFileFieldFoundAndExpected) {
  EXPECT_THAT(
      ErrorOf(Replaced(R"("hidden_size":32)", R"("hidden_size":"32")"), ErrorCode::kCorruptData),
      AllOf(HasSubstr("config.json: field hidden_size"), HasSubstr("found a string"),
            HasSubstr("expected an integer")));
  EXPECT_THAT(
      ErrorOf(Replaced(R"("hidden_size":32)", R"("hidden_size":-1)"), ErrorCode::kCorruptData),
      HasSubstr("found -1, expected 1 to"));
  EXPECT_THAT(ErrorOf(Replaced(R"("hidden_size":32,)", ""), ErrorCode::kCorruptData),
              HasSubstr("\"hidden_size\" is missing"));
  EXPECT_THAT(
      ErrorOf(Replaced(R"("hidden_size":32)", R"("hidden_size":33)"), ErrorCode::kCorruptData),
      HasSubstr("33 is not a multiple of 4"));
  EXPECT_THAT(ErrorOf(Replaced(R"("num_hidden_layers":2)", R"("num_hidden_layers":1e18)"),
                      ErrorCode::kCorruptData),
              HasSubstr("num_hidden_layers"));
  EXPECT_THAT(ErrorOf(Replaced(R"("hidden_act":"gelu")", R"("hidden_act":"mish")"),
                      ErrorCode::kUnsupported),
              HasSubstr("unknown activation \"mish\""));
  const std::string message = ErrorOf(
      Replaced(R"("hidden_act":"gelu")", R"("hidden_act":")" + std::string(100000, 'x') + "\""),
      ErrorCode::kUnsupported);
  EXPECT_LT(message.size(), 300u);
  EXPECT_THAT(message, HasSubstr("field hidden_act"));
  EXPECT_THAT(ErrorOf(Replaced(R"("absolute")", R"("relative_key")"), ErrorCode::kUnsupported),
              HasSubstr("relative_key"));
  EXPECT_THAT(ErrorOf(Replaced(R"("layer_norm_eps":1e-12)", R"("layer_norm_eps":-2)"),
                      ErrorCode::kCorruptData),
              HasSubstr("layer_norm_eps"));
  EXPECT_THAT(ErrorOf(Replaced(R"("vocab_size":100)", R"("is_decoder":true,"vocab_size":100)"),
                      ErrorCode::kUnsupported),
              HasSubstr("is_decoder"));
}

}  // namespace
}  // namespace bge
