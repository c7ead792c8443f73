// Weights as torch reads them in a 16-bit type.
#include "weights/rounded.h"

#include "base/numeric.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace bge {
namespace {

using ::testing::ElementsAre;

class RoundedTest : public ::testing::Test {
 protected:
  std::shared_ptr<const WeightSource> Open(WeightRounding rounding) const {
    return RoundWeights(OpenSafetensors(path_), rounding);
  }
  test::TempDir dir_;
  // One beside a half's numbers, the largest half and what becomes infinite, subnormals.
  std::string path_ =
      dir_.Write("model.safetensors",
                 test::SafetensorsBuilder()
                     .AddFloats("w", {2, 3}, {1.0f, 1.0003f, -0.1f, 65504.0f, 3e-8f, 1e-3f})
                     .Add("half", "F16", {1}, std::string("\x00\x3c", 2))
                     .Add("ids", "I64", {1}, std::string(8, '\1'))
                     .File())
          .string();
};

TEST_F(RoundedTest, NumbersAreTheNearestOfTheType) {
  const auto half = Open(WeightRounding::kFloat16);
  const TensorView w = *half->Find("w");
  EXPECT_EQ(w.dtype, DType::kF16);
  EXPECT_EQ(w.shape, (Shape{2, 3}));
  std::vector<float> expected;
  for (const float value : {1.0f, 1.0003f, -0.1f, 65504.0f, 3e-8f, 1e-3f}) {
    expected.push_back(F16ToFloat(FloatToF16(value)));
  }
  EXPECT_EQ(ToFloat32(w), expected);
  EXPECT_NE(expected[1], 1.0003f);
  EXPECT_THAT(ToFloat32(*half->Find("half")), ElementsAre(1.0f));
  EXPECT_EQ(ToFloat32(*Open(WeightRounding::kBFloat16)->Find("w"))[1], 1.0f);
  EXPECT_EQ(Open(WeightRounding::kBFloat16)->Find("half")->dtype, DType::kBF16);
}

TEST_F(RoundedTest, WhatIsStoredStays) {
  const auto half = Open(WeightRounding::kFloat16);
  const auto plain = Open(WeightRounding::kNone);
  EXPECT_EQ(plain->Variant(), "");
  EXPECT_EQ(plain->Find("w")->dtype, DType::kF32);
  EXPECT_NE(half->Variant(), Open(WeightRounding::kBFloat16)->Variant());
  EXPECT_EQ(half->FindStored("w")->dtype, "F32");
  EXPECT_EQ(half->Names(), plain->Names());
  EXPECT_EQ(half->FileStates(), plain->FileStates());
  EXPECT_FALSE(half->Find("absent"));
}

TEST_F(RoundedTest, WhatWasReleasedIsMadeAnew) {
  const auto half = Open(WeightRounding::kFloat16);
  const TensorView first = *half->Find("w");
  EXPECT_EQ(half->Find("w")->data, first.data);
  const std::vector<float> values = ToFloat32(first);
  half->Release(first);
  half->Release(TensorView());
  EXPECT_EQ(ToFloat32(*half->Find("w")), values);
}

TEST_F(RoundedTest, ThreadsFindTheSame) {
  const auto half = Open(WeightRounding::kFloat16);
  std::vector<const void*> found(8);
  std::vector<std::thread> threads;
  for (const void*& one : found) {
    threads.emplace_back([&] { one = half->Find("w")->data; });
  }
  for (std::thread& thread : threads) thread.join();
  for (const void* one : found) EXPECT_EQ(one, found[0]);
}

}  // namespace
}  // namespace bge
