#include "encoder/modernbert_config.h"

#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// As published with answerdotai/ModernBERT-base, in small.
constexpr std::string_view kPublished = R"({"architectures":["ModernBertForMaskedLM"],
  "attention_bias":false,"classifier_pooling":"mean","decoder_bias":true,
  "global_attn_every_n_layers":3,"global_rope_theta":160000.0,"hidden_activation":"gelu",
  "hidden_size":32,"intermediate_size":48,"layer_norm_eps":1e-05,"local_attention":128,
  "local_rope_theta":10000.0,"max_position_embeddings":8192,"mlp_bias":false,
  "model_type":"modernbert","norm_bias":false,"norm_eps":1e-05,"num_attention_heads":4,
  "num_hidden_layers":5,"pad_token_id":3,"position_embedding_type":"absolute","vocab_size":100})";

// As transformers 5 saves it.
constexpr std::string_view kSaved = R"({"architectures":["ModernBertModel"],"attention_bias":true,
  "hidden_activation":"silu","hidden_size":32,"intermediate_size":48,
  "layer_types":["sliding_attention","full_attention","full_attention"],"local_attention":21,
  "max_position_embeddings":512,"mlp_bias":true,"model_type":"modernbert","norm_bias":true,
  "norm_eps":1e-06,"num_attention_heads":4,"num_hidden_layers":3,"rope_parameters":{
  "sliding_attention":{"rope_type":"default","rope_theta":500.0},
  "full_attention":{"rope_type":"default","rope_theta":70000.0}},"vocab_size":100})";

ModernBertConfig Read(std::string_view text) {
  const auto document = json::Document::Parse(text, "config.json");
  return ModernBertConfig::FromJson(document->root());
}

std::string Replaced(std::string_view in, std::string_view from, std::string_view to) {
  std::string text(in);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string With(std::string_view field) {
  return Replaced(kPublished, R"("vocab_size")", std::string(field) + R"(,"vocab_size")");
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

TEST(ModernBertConfig, ReadsThePublishedSpelling) {
  const ModernBertConfig c = Read(kPublished);
  EXPECT_EQ(c.architecture, "ModernBertForMaskedLM");
  EXPECT_EQ(c.vocab_size, 100);
  EXPECT_EQ(c.hidden_size, 32);
  EXPECT_EQ(c.num_heads, 4);
  EXPECT_EQ(c.intermediate_size, 48);
  EXPECT_EQ(c.max_positions, 8192);
  EXPECT_EQ(c.activation, Activation::kGeluErf);
  EXPECT_FALSE(c.norm_bias || c.attention_bias || c.mlp_bias);
  EXPECT_THAT(c.is_global, ElementsAre(true, false, false, true, false));
  EXPECT_EQ(c.window, 64);
  EXPECT_EQ(c.global_theta, 160000.0);
  EXPECT_EQ(c.local_theta, 10000.0);
}

TEST(ModernBertConfig, ReadsTheSpellingOfTransformers5) {
  const ModernBertConfig c = Read(kSaved);
  EXPECT_TRUE(c.norm_bias && c.attention_bias && c.mlp_bias);
  EXPECT_EQ(c.activation, Activation::kSilu);
  EXPECT_FLOAT_EQ(c.norm_eps, 1e-6f);
  EXPECT_THAT(c.is_global, ElementsAre(false, true, true));
  EXPECT_EQ(c.window, 10);
  EXPECT_EQ(c.global_theta, 70000.0);
  EXPECT_EQ(c.local_theta, 500.0);
}

TEST(ModernBertConfig, WhatIsAbsentHasTransformersDefaults) {
  const ModernBertConfig c = Read(R"({"model_type":"modernbert","vocab_size":9,"hidden_size":8,
    "num_hidden_layers":4,"num_attention_heads":2,"intermediate_size":16,
    "max_position_embeddings":4})");
  EXPECT_EQ(c.architecture, "modernbert");
  EXPECT_EQ(c.activation, Activation::kGeluErf);
  EXPECT_FLOAT_EQ(c.norm_eps, 1e-5f);
  EXPECT_THAT(c.is_global, ElementsAre(true, false, false, true));
  EXPECT_EQ(c.window, 64);
  EXPECT_EQ(c.global_theta, 160000.0);
  EXPECT_EQ(c.local_theta, 10000.0);
}

// What ModernBertConfig of transformers 5.23 makes of both.
TEST(ModernBertConfig, TheNewSpellingCountsMoreThanTheOld) {
  const ModernBertConfig c = Read(
      With(R"("layer_types":["full_attention","full_attention","full_attention","full_attention",
        "sliding_attention"],"rope_parameters":{"full_attention":{"rope_theta":5.0},
        "sliding_attention":null})"));
  EXPECT_THAT(c.is_global, ElementsAre(true, true, true, true, false));
  EXPECT_EQ(c.global_theta, 5.0);
  EXPECT_EQ(c.local_theta, 10000.0);
  EXPECT_EQ(Read(With(R"("rope_scaling":{"rope_type":"default","rope_theta":3.0})")).local_theta,
            3.0);
}

TEST(ModernBertConfig, WhatIsNotComputedIsNamed) {
  const auto unsupported = [](std::string_view field, std::string_view name) {
    EXPECT_THAT(ErrorOf(With(field), ErrorCode::kUnsupported),
                HasSubstr("field " + std::string(name)));
  };
  unsupported(R"("rope_parameters":{"full_attention":{"rope_type":"yarn","factor":4.0}})",
              "rope_parameters.full_attention.rope_type");
  unsupported(R"("rope_parameters":{"rope_theta":4.0})", "rope_parameters.rope_theta");
  unsupported(R"("rope_parameters":{"sliding_attention":{"partial_rotary_factor":0.5}})",
              "rope_parameters.sliding_attention.partial_rotary_factor");
  unsupported(R"("rope_scaling":{"type":"linear","factor":2.0})", "rope_scaling.type");
  unsupported(R"("layer_types":["full_attention","full_attention","full_attention",
                "full_attention","linear_attention"])",
              "layer_types");
  unsupported(R"("head_dim":16)", "head_dim");
  unsupported(R"("sliding_window":10)", "sliding_window");
  unsupported(R"("is_decoder":true)", "is_decoder");
  unsupported(R"("is_causal":true)", "is_causal");
  EXPECT_THAT(
      ErrorOf(Replaced(kPublished, R"("absolute")", R"("relative_key")"), ErrorCode::kUnsupported),
      HasSubstr("relative_key"));
  EXPECT_THAT(ErrorOf(Replaced(kPublished, R"("gelu")", R"("mish")"), ErrorCode::kUnsupported),
              AllOf(HasSubstr("mish"), HasSubstr("hidden_activation")));
  EXPECT_EQ(Read(With(R"("head_dim":8,"sliding_window":64)")).window, 64);
}

TEST(ModernBertConfig, ErrorsNameFileFieldFoundAndExpected) {
  const auto corrupt = [](std::string_view from, std::string_view to, std::string_view field) {
    EXPECT_THAT(ErrorOf(Replaced(kPublished, from, to), ErrorCode::kCorruptData),
                AllOf(HasSubstr("config.json"), HasSubstr(std::string(field))));
  };
  corrupt(R"("hidden_size":32)", R"("hidden_size":"32")", "hidden_size");
  corrupt(R"("hidden_size":32)", R"("hidden_size":-1)", "found -1, expected 1 to");
  corrupt(R"("hidden_size":32)", R"("hidden_size":33)", "33 is not a multiple of 4");
  corrupt(R"("hidden_size":32)", R"("hidden_size":36)", "heads have 9 numbers");
  corrupt(R"("num_hidden_layers":5)", R"("num_hidden_layers":1e18)", "num_hidden_layers");
  corrupt(R"("norm_eps":1e-05,"num)", R"("norm_eps":-2,"num)", "norm_eps");
  corrupt(R"("norm_bias":false)", R"("norm_bias":"no")", "norm_bias");
  corrupt(R"("global_attn_every_n_layers":3)", R"("global_attn_every_n_layers":0)",
          "global_attn_every_n_layers");
  corrupt(R"("local_attention":128)", R"("local_attention":-1)", "local_attention");
  corrupt(R"("local_rope_theta":10000.0)", R"("local_rope_theta":null)", "local_rope_theta");
  corrupt(R"("local_rope_theta":10000.0)", R"("local_rope_theta":0)", "local_rope_theta");
  corrupt(R"("local_rope_theta":10000.0)", R"("local_rope_theta":NaN)", "local_rope_theta");
  corrupt(R"("vocab_size":100)", R"("vocab_size":100,"layer_types":["full_attention"])",
          "found 1 layers, expected 5");
  corrupt(R"("vocab_size":100)", R"("vocab_size":100,"layer_types":7)", "layer_types");
  corrupt(R"("vocab_size":100)", R"("vocab_size":100,"rope_parameters":[1])", "rope_parameters");
}

}  // namespace
}  // namespace bge
