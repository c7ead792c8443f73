// Tensors under a checkpoint's prefix, with their shapes checked.
#include "tests/expect_error.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace bge {
namespace {

using test::BytesOf;
using test::SafetensorsBuilder;
using test::TempDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kAnchor = "embeddings.word_embeddings.weight";

class PrefixedWeightsTest : public testing::Test {
 protected:
  std::shared_ptr<const WeightSource> Source(const SafetensorsBuilder& builder) {
    return OpenSafetensors(dir_.Write("m.safetensors", builder.File()));
  }
  const TempDir dir_;
};

TEST_F(PrefixedWeightsTest, FindsAnyPrefix) {
  for (const std::string prefix : {"", "bert.", "roberta.", "distilbert.", "model.",
                                   "0.auto_model.", "0.auto_model.bert.", "my.own.encoder."}) {
    SafetensorsBuilder builder;
    builder.AddFloats(prefix + kAnchor, {1, 2}, {1, 2}).AddFloats("classifier.weight", {1}, {0});
    const PrefixedWeights weights(Source(builder), kAnchor);
    EXPECT_EQ(weights.prefix(), prefix);
    EXPECT_THAT(ToFloat32(weights.Get(kAnchor, {1, 2})), ElementsAre(1, 2));
  }
}

TEST_F(PrefixedWeightsTest, TakesTheUsualPrefixWhereThereAreSeveral) {
  SafetensorsBuilder builder;
  builder.AddFloats(std::string("a_teacher.") + kAnchor, {1, 1}, {1})
      .AddFloats(std::string("bert.") + kAnchor, {1, 1}, {2});
  EXPECT_EQ(PrefixedWeights(Source(builder), kAnchor).prefix(), "bert.");
}

TEST_F(PrefixedWeightsTest, SeveralUnusualPrefixesAreAnError) {
  SafetensorsBuilder builder;
  builder.AddFloats(std::string("left.") + kAnchor, {1, 1}, {1})
      .AddFloats(std::string("right.") + kAnchor, {1, 1}, {2});
  EXPECT_THAT(test::Thrown([&] { return PrefixedWeights(Source(builder), kAnchor); }),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("\"left.\""), HasSubstr("\"right.\"")));
}

TEST_F(PrefixedWeightsTest, ANameThatOnlyEndsAlikeIsNotTheAnchor) {
  SafetensorsBuilder builder;
  builder.AddFloats(std::string("other_") + kAnchor, {1, 1}, {1});
  EXPECT_THAT(test::Thrown([&] { return PrefixedWeights(Source(builder), kAnchor); }),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("m.safetensors"), HasSubstr(kAnchor)));
}

TEST_F(PrefixedWeightsTest, ShapesAreChecked) {
  SafetensorsBuilder builder;
  builder.AddFloats(std::string("bert.") + kAnchor, {3, 2}, {1, 2, 3, 4, 5, 6});
  const PrefixedWeights weights(Source(builder), kAnchor);
  EXPECT_THAT(test::Thrown([&] {
                return weights.Get(kAnchor, {2, 3});
              }),
              AllOf(StartsWith("corrupt_data: "),
                    HasSubstr("tensor bert.embeddings.word_embeddings.weight: found [3, 2], "
                              "expected [2, 3]")));
  EXPECT_THAT(test::Thrown([&] { return weights.Find(kAnchor, {6}); }), HasSubstr("expected [6]"));
  EXPECT_THAT(test::Thrown([&] { return weights.GetRank(kAnchor, 1); }),
              HasSubstr("found [3, 2], expected of 1 dimensions"));
  EXPECT_EQ(weights.GetRank(kAnchor, 2).shape[0], 3);
  EXPECT_EQ(weights.Find("pooler.dense.weight", {2, 2}), std::nullopt);
  EXPECT_THAT(test::Thrown([&] {
                return weights.Get("pooler.dense.weight", {2, 2});
              }),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("tensor bert.pooler.dense.weight"),
                    HasSubstr("expected shape [2, 2]")));
}

TEST_F(PrefixedWeightsTest, VectorsAreConvertedFromAnyReadableType) {
  SafetensorsBuilder builder;
  builder.AddFloats(kAnchor, {1, 1}, {1})
      .AddFloats("f32", {2}, {0.5f, -3})
      .Add("f16", "F16", {2}, BytesOf<uint16_t>({0x3800, 0x0001}))
      .Add("bf16", "BF16", {2}, BytesOf<uint16_t>({0x3f00, 0x8000}))
      .Add("i64", "I64", {1}, BytesOf<int64_t>({1}));
  const PrefixedWeights weights(Source(builder), kAnchor);
  EXPECT_THAT(weights.GetVector("f32", 2), ElementsAre(0.5f, -3));
  EXPECT_THAT(weights.GetVector("f16", 2), ElementsAre(0.5f, 0x1p-24f));
  EXPECT_THAT(weights.GetVector("bf16", 2), ElementsAre(0.5f, -0.0f));
  EXPECT_THAT(test::Thrown([&] { return weights.GetVector("i64", 1); }),
              StartsWith("unsupported: "));
  EXPECT_THAT(test::Thrown([&] { return weights.GetVector("f32", 3); }),
              HasSubstr("found [2], expected [3]"));
}

TEST_F(PrefixedWeightsTest, ValuesThatAreNotFiniteAreErrors) {
  SafetensorsBuilder builder;
  builder.AddFloats(kAnchor, {1, 1}, {1})
      .AddFloats("nan", {2}, {0, std::numeric_limits<float>::quiet_NaN()})
      .Add("inf", "F16", {1}, BytesOf<uint16_t>({0xfc00}));
  const PrefixedWeights weights(Source(builder), kAnchor);
  EXPECT_THAT(test::Thrown([&] { return weights.GetVector("nan", 2); }),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("tensor nan: element 1: found nan")));
  EXPECT_THAT(test::Thrown([&] { return weights.GetVector("inf", 1); }),
              HasSubstr("element 0: found -inf"));
}

TEST_F(PrefixedWeightsTest, OldLayerNormNamesAreFound) {
  SafetensorsBuilder builder;
  builder.AddFloats(std::string("bert.") + kAnchor, {1, 1}, {1})
      .AddFloats("bert.embeddings.LayerNorm.gamma", {1}, {2})
      .AddFloats("bert.embeddings.LayerNorm.beta", {1}, {3});
  const PrefixedWeights weights(Source(builder), kAnchor);
  EXPECT_THAT(weights.GetVector("embeddings.LayerNorm.weight", 1), ElementsAre(2));
  EXPECT_THAT(weights.GetVector("embeddings.LayerNorm.bias", 1), ElementsAre(3));
}

// ---- int8

SafetensorsBuilder Int8File() {
  SafetensorsBuilder builder;
  builder.AddFloats(std::string("bert.") + kAnchor, {1, 1}, {1})
      .Add("bert.w.weight", "I8", {2, 3}, BytesOf<int8_t>({0, 1, -1, 127, -127, -128}));
  return builder;
}

TEST_F(PrefixedWeightsTest, Int8ComesWithItsScales) {
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{2, 1}, {2}}) {
    for (const size_t misalignment : {0, 1}) {
      SafetensorsBuilder builder = Int8File();
      builder.AddFloats("bert.w.weight_scale", shape, {0.25f, 2}).Pad(misalignment);
      const auto source = Source(builder);
      EXPECT_TRUE(HoldsInt8(*source));
      const PrefixedWeights weights(source, kAnchor);
      const TensorView view = weights.Get("w.weight", {2, 3});
      EXPECT_EQ(view.dtype, DType::kI8);
      EXPECT_EQ(view.num_bytes(), 6u);
      EXPECT_THAT(ToFloat32(view), ElementsAre(0, 0.25f, -0.25f, 254, -254, -256));
    }
  }
}

TEST_F(PrefixedWeightsTest, OneInt8TensorIsNoQuantizedModel) {
  SafetensorsBuilder builder = Int8File();
  builder.AddFloats("bert.w.weight_scale", {2, 1}, {0.25f, 2});
  builder.AddFloats("bert.other.weight", {2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_FALSE(HoldsInt8(*Source(builder)));
}

// Without scales nobody reads it, and it is an error only for who wants to.
TEST_F(PrefixedWeightsTest, Int8WithoutScalesIsAnErrorWhenAskedFor) {
  const auto source = Source(Int8File());
  EXPECT_FALSE(HoldsInt8(*source));
  const PrefixedWeights weights(source, kAnchor);
  EXPECT_THAT(test::Thrown([&] {
                return weights.Get("w.weight", {2, 3});
              }),
              AllOf(StartsWith("corrupt_data: int8 tensor without its scales: "),
                    HasSubstr("m.safetensors: tensor bert.w.weight_scale: found nothing, expected "
                              "float32 of shape [2, 1]")));
}

TEST_F(PrefixedWeightsTest, ScalesThatDoNotFitAreErrors) {
  const auto thrown = [&](std::string_view dtype, const std::vector<int64_t>& shape,
                          std::string_view data) {
    SafetensorsBuilder builder = Int8File();
    builder.Add("bert.w.weight_scale", dtype, shape, data);
    const PrefixedWeights weights(Source(builder), kAnchor);
    return test::Thrown([&] { return weights.Get("w.weight", {2, 3}); });
  };
  const auto floats = [](std::vector<float> values) { return BytesOf<float>(values); };
  EXPECT_THAT(thrown("F32", {3, 1}, floats({1, 1, 1})),
              HasSubstr("found float32 of shape [3, 1], expected float32 of shape [2, 1]"));
  EXPECT_THAT(thrown("F32", {1, 2}, floats({1, 1})), HasSubstr("found float32 of shape [1, 2]"));
  EXPECT_THAT(thrown("F32", {}, floats({1})), HasSubstr("found float32 of shape []"));
  EXPECT_THAT(thrown("BF16", {2, 1}, std::string(4, 0)), HasSubstr("found bfloat16 of shape"));
  EXPECT_THAT(thrown("I64", {2, 1}, std::string(16, 0)), StartsWith("unsupported: "));
  EXPECT_THAT(thrown("F32", {2, 1}, floats({1, -1})), HasSubstr("scale is no magnitude: "));
  EXPECT_THAT(thrown("F32", {2, 1}, floats({std::numeric_limits<float>::quiet_NaN(), 1})),
              HasSubstr("found nan in row 0"));
  EXPECT_THAT(thrown("F32", {2, 1}, floats({1, std::numeric_limits<float>::infinity()})),
              HasSubstr("found inf in row 1, expected a finite number from 0"));
}

TEST_F(PrefixedWeightsTest, Int8VectorsAreErrors) {
  SafetensorsBuilder builder = Int8File();
  builder.Add("bert.v", "I8", {2}, BytesOf<int8_t>({1, 2})).AddFloats("bert.v_scale", {2}, {1, 1});
  const PrefixedWeights weights(Source(builder), kAnchor);
  EXPECT_THAT(test::Thrown([&] { return weights.GetVector("v", 2); }),
              AllOf(StartsWith("unsupported: int8 tensor is no matrix"), HasSubstr("bert.v:")));
}

}  // namespace
}  // namespace bge
