// Tensors in another type: which are converted, and how they are rounded.
#include "quantize/weight_conversion.h"

#include "base/numeric.h"
#include "tensor/int8_row.h"
#include "tests/expect_error.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace bge::quantize {
namespace {

using test::BytesOf;
using test::SafetensorsBuilder;
using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::StartsWith;

class WeightConversionTest : public testing::Test {
 protected:
  std::shared_ptr<const WeightSource> Convert(const SafetensorsBuilder& builder, WeightType type,
                                              const std::stop_token& stop = {}) {
    const auto source = OpenSafetensors(dir_.Write("in.safetensors", builder.File()));
    stats_ = ConvertWeights(*source, type, dir_.path() / "out.safetensors", stop);
    return OpenSafetensors(dir_.path() / "out.safetensors");
  }
  std::string Thrown(const SafetensorsBuilder& builder, WeightType type) {
    return test::Thrown([&] { return Convert(builder, type); });
  }
  const test::TempDir dir_;
  ConversionStats stats_;
};

// One of each kind that checkpoints have.
SafetensorsBuilder Checkpoint() {
  SafetensorsBuilder builder;
  builder.Metadata(R"({"format":"pt","note":"kept"})")
      .AddFloats("bert.a.weight", {2, 3}, {1, -0.5f, 0.25f, 0, 0, 0})
      .Add("bert.half.weight", "F16", {1, 2}, BytesOf<uint16_t>({0x3c00, 0xb800}))
      .Add("bert.brain.weight", "BF16", {1, 2}, BytesOf<uint16_t>({0x3f80, 0xbf00}))
      .AddFloats("bert.a.bias", {2}, {0.1f, 3e38f})
      .AddFloats("table", {1, 2}, {1, 0.1f})
      .AddFloats("kernel.weight", {1, 2, 1}, {1, 0.1f})
      .AddFloats("empty.weight", {0, 3}, {})
      .AddFloats("narrow.weight", {3, 0}, {})
      .Add("position_ids", "I64", {1, 2}, BytesOf<int64_t>({0, 1}));
  return builder;
}

TEST_F(WeightConversionTest, Int8IsForMatricesCalledWeight) {
  const auto out = Convert(Checkpoint(), WeightType::kInt8);
  EXPECT_THAT(
      out->Names(),
      ElementsAre("bert.a.bias", "bert.a.weight", "bert.a.weight_scale", "bert.brain.weight",
                  "bert.brain.weight_scale", "bert.half.weight", "bert.half.weight_scale",
                  "empty.weight", "kernel.weight", "narrow.weight", "position_ids", "table"));
  EXPECT_EQ(stats_.matrices, 3);
  EXPECT_EQ(stats_.bytes_before, 24u + 4 + 4 + 8 + 8 + 8 + 16);
  EXPECT_EQ(stats_.bytes_after, 6u + 8 + 2 + 4 + 2 + 4 + 8 + 8 + 8 + 16);
  EXPECT_EQ(out->Metadata().at("format"), "pt");
  EXPECT_EQ(out->Metadata().at("note"), "kept");
  const auto stored = out->FindStored("bert.a.weight");
  EXPECT_EQ(stored->dtype, "I8");
  EXPECT_THAT(stored->dims, ElementsAre(2, 3));
  EXPECT_THAT(ToFloat32(*out->Find("bert.a.weight")), ElementsAre(127, -64, 32, 0, 0, 0));
  EXPECT_THAT(ToFloat32(*out->Find("bert.a.weight_scale")), ElementsAre(1 / 127.0f, 0));
  EXPECT_THAT(out->FindStored("bert.a.weight_scale")->dims, ElementsAre(2, 1));
  EXPECT_THAT(ToFloat32(*out->Find("bert.half.weight")), ElementsAre(127, -64));
  EXPECT_THAT(ToFloat32(*out->Find("bert.brain.weight")), ElementsAre(127, -64));
  for (const char* name : {"bert.a.bias", "table", "kernel.weight", "position_ids"}) {
    const auto before = OpenSafetensors(dir_.path() / "in.safetensors");
    EXPECT_EQ(out->FindStored(name)->dtype, before->FindStored(name)->dtype) << name;
    EXPECT_THAT(out->FindStored(name)->bytes, ElementsAreArray(before->FindStored(name)->bytes));
  }
}

TEST_F(WeightConversionTest, HalvesAreForAllMatrices) {
  for (const auto& [type, dtype] :
       {std::pair(WeightType::kBFloat16, "BF16"), std::pair(WeightType::kFloat16, "F16")}) {
    const auto out = Convert(Checkpoint(), type);
    EXPECT_EQ(out->Names().size(), 9u);
    for (const char* name :
         {"bert.a.weight", "bert.half.weight", "bert.brain.weight", "table", "kernel.weight"}) {
      EXPECT_EQ(out->FindStored(name)->dtype, dtype) << name;
    }
    EXPECT_THAT(ToFloat32(*out->Find("bert.a.weight")), ElementsAre(1, -0.5f, 0.25f, 0, 0, 0));
    EXPECT_THAT(ToFloat32(*out->Find("bert.half.weight")), ElementsAre(1, -0.5f));
    EXPECT_THAT(ToFloat32(*out->Find("bert.brain.weight")), ElementsAre(1, -0.5f));
    EXPECT_EQ(ToFloat32(*out->Find("kernel.weight"))[1], type == WeightType::kBFloat16
                                                             ? Bf16ToFloat(FloatToBf16(0.1f))
                                                             : F16ToFloat(FloatToF16(0.1f)));
    EXPECT_THAT(ToFloat32(*out->Find("bert.a.bias")), ElementsAre(0.1f, 3e38f));
    EXPECT_EQ(out->FindStored("position_ids")->dtype, "I64");
  }
}

TEST_F(WeightConversionTest, Float32RoundsNothing) {
  const auto before = Convert(Checkpoint(), WeightType::kFloat16);
  const auto out = Convert(Checkpoint(), WeightType::kFloat32);
  EXPECT_EQ(out->Names(), before->Names());
  for (const char* name :
       {"bert.a.weight", "bert.half.weight", "bert.brain.weight", "table", "kernel.weight"}) {
    EXPECT_EQ(out->FindStored(name)->dtype, "F32") << name;
  }
  EXPECT_THAT(ToFloat32(*out->Find("bert.half.weight")), ElementsAre(1, -0.5f));
  EXPECT_EQ(ToFloat32(*out->Find("kernel.weight"))[1], 0.1f);
  EXPECT_EQ(out->FindStored("position_ids")->dtype, "I64");
}

// More rows than are converted at a time; every row by itself.
TEST_F(WeightConversionTest, RowsAreRoundedAsThePackedOnesAre) {
  constexpr int64_t kRows = 3000;
  constexpr int64_t kCols = 301;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> values(kRows * kCols);
  for (float& v : values) v = normal(random);
  // A row that no float divides 127 by, and one of zeros.
  std::fill_n(values.begin() + 7 * kCols, kCols, std::numeric_limits<float>::denorm_min());
  std::fill_n(values.begin() + 8 * kCols, kCols, 0.0f);
  SafetensorsBuilder builder;
  builder.AddFloats("w.weight", {kRows, kCols}, values).Pad(3);
  const auto out = Convert(builder, WeightType::kInt8);
  const std::vector<float> integers = ToFloat32(*out->Find("w.weight"));
  const std::vector<float> scales = ToFloat32(*out->Find("w.weight_scale"));
  for (int64_t r = 0; r < kRows; ++r) {
    const auto row = std::span(values).subspan(static_cast<size_t>(r * kCols), kCols);
    float largest = 0;
    for (const float v : row) largest = std::max(largest, std::abs(v));
    ASSERT_EQ(scales[static_cast<size_t>(r)], largest / 127) << r;
    for (size_t i = 0; i < row.size(); ++i) {
      const float expected = largest > 1e-30f ? std::nearbyint(row[i] * (127 / largest)) : 0.0f;
      ASSERT_EQ(integers[static_cast<size_t>(r * kCols) + i], expected) << r << " " << i;
    }
  }
}

TEST_F(WeightConversionTest, WhatCannotBeHeldIsNamed) {
  SafetensorsBuilder large;
  large.AddFloats("x.weight", {1, 2}, {1, -65520});
  EXPECT_THAT(Thrown(large, WeightType::kFloat16),
              AllOf(StartsWith("invalid_argument: float16 cannot hold these weights: "),
                    HasSubstr("in.safetensors: tensor x.weight: found -65520, expected at most "
                              "65504 in magnitude: choose bf16 or int8")));
  SafetensorsBuilder fits;
  fits.AddFloats("x.weight", {1, 2}, {1, -65519});
  EXPECT_EQ(Thrown(fits, WeightType::kFloat16), "no error");
  SafetensorsBuilder larger;
  larger.AddFloats("x.weight", {1, 1}, {3.4e38f});
  EXPECT_THAT(Thrown(larger, WeightType::kBFloat16), HasSubstr("bfloat16 cannot hold"));
  EXPECT_EQ(Thrown(larger, WeightType::kInt8), "no error");
  for (const WeightType type : {WeightType::kInt8, WeightType::kBFloat16, WeightType::kFloat16}) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      SafetensorsBuilder broken;
      broken.AddFloats("x.weight", {2, 1}, {1, bad});
      EXPECT_THAT(Thrown(broken, type), AllOf(StartsWith("corrupt_data: weights are not finite: "),
                                              HasSubstr("tensor x.weight: found ")));
    }
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 2);
}

TEST_F(WeightConversionTest, Int8WeightsAreNotConvertedAgain) {
  SafetensorsBuilder builder;
  builder.Add("x.weight", "I8", {1, 1}, BytesOf<int8_t>({1})).AddFloats("x.weight_scale", {1}, {1});
  for (const WeightType type : {WeightType::kInt8, WeightType::kBFloat16}) {
    EXPECT_THAT(Thrown(builder, type),
                AllOf(StartsWith("invalid_argument: the model's weights are int8 already: "),
                      HasSubstr("in.safetensors: found int8 tensors with scales")));
  }
  SafetensorsBuilder scaled;
  scaled.AddFloats("x.weight", {1, 1}, {1}).AddFloats("x.weight_scale", {1}, {1});
  EXPECT_THAT(Thrown(scaled, WeightType::kInt8), HasSubstr("weights have scales already"));
}

TEST_F(WeightConversionTest, EndsWhenAskedToStop) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(
      test::Thrown([&] { return Convert(Checkpoint(), WeightType::kInt8, stop.get_token()); }),
      StartsWith("cancelled: "));
}

}  // namespace
}  // namespace bge::quantize
