// Weights as torch reads them in a 16-bit type.
#include "weights/rounded.h"

#include "base/numeric.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
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

// The tensor "w" of this type and these bytes, which begin at no multiple of their size, rounded on
// the threads of a pool (of none: null).
std::vector<uint16_t> RoundedBits(const char* dtype, size_t count, const std::string& bytes,
                                  WeightRounding rounding, ThreadPool* pool) {
  const test::TempDir dir;
  const auto path =
      dir.Write("w.safetensors", test::SafetensorsBuilder()
                                     .Add("w", dtype, {static_cast<int64_t>(count)}, bytes)
                                     .Pad(1)
                                     .File());
  const auto weights = RoundWeights(OpenSafetensors(path.string()), rounding, pool);
  std::vector<uint16_t> bits(count);
  std::memcpy(bits.data(), weights->Find("w")->data, 2 * count);
  return bits;
}

// Of every 16-bit pattern as a number, and as the upper half of one, what lies there: those
// numbers, the middles between them, and what is next to either. Among them are subnormals,
// infinities, and NaN.
std::vector<float> Numbers() {
  std::vector<float> numbers;
  for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    const auto half = std::bit_cast<uint32_t>(F16ToFloat(static_cast<uint16_t>(pattern)));
    const auto next = std::bit_cast<uint32_t>(F16ToFloat(static_cast<uint16_t>(pattern + 1)));
    const uint32_t middle = half / 2 + next / 2 + (half & next & 1u);
    // Subnormal halves are not evenly spaced in the bits of float.
    const float sum = (std::bit_cast<float>(half) + std::bit_cast<float>(next)) / 2;
    const uint32_t upper = pattern << 16;
    for (const uint32_t at : {half, middle, std::bit_cast<uint32_t>(sum), upper, upper + 0x8000u}) {
      for (const uint32_t near : {at - 1, at, at + 1})
        numbers.push_back(std::bit_cast<float>(near));
    }
  }
  return numbers;
}

TEST_F(RoundedTest, EveryNumberIsRoundedAsOneAlone) {
  const std::vector<float> numbers = Numbers();
  std::vector<uint16_t> all(0x10000);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  std::vector<uint16_t> halves;
  std::vector<uint16_t> brains;
  for (const float number : numbers) {
    halves.push_back(FloatToF16(number));
    brains.push_back(FloatToBf16(number));
  }
  std::vector<uint16_t> brains_of_halves;
  std::vector<uint16_t> halves_of_brains;
  for (const uint16_t bits : all) {
    brains_of_halves.push_back(FloatToBf16(F16ToFloat(bits)));
    halves_of_brains.push_back(FloatToF16(Bf16ToFloat(bits)));
  }
  ThreadPool three(3);
  for (ThreadPool* const pool : {static_cast<ThreadPool*>(nullptr), &three}) {
    // Whole vectors and what is left of one.
    for (const size_t left_out : {0u, 1u, 2u, 3u, 5u}) {
      const auto check = [&](const char* dtype, const std::string& bytes, WeightRounding rounding,
                             std::vector<uint16_t> expected) {
        expected.resize(expected.size() - left_out);
        const size_t size = bytes.size() / (expected.size() + left_out);
        const auto found = RoundedBits(dtype, expected.size(),
                                       bytes.substr(0, size * expected.size()), rounding, pool);
        size_t first = 0;
        while (first < found.size() && found[first] == expected[first]) ++first;
        EXPECT_EQ(first, found.size()) << dtype << (pool == nullptr ? "" : " in pieces");
      };
      check("F32", test::BytesOf(numbers), WeightRounding::kFloat16, halves);
      check("F32", test::BytesOf(numbers), WeightRounding::kBFloat16, brains);
      check("F16", test::BytesOf(all), WeightRounding::kBFloat16, brains_of_halves);
      check("BF16", test::BytesOf(all), WeightRounding::kFloat16, halves_of_brains);
    }
  }
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
