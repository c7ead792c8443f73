#include "base/numeric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace bge {
namespace {

TEST(Numeric, CheckedArithmeticFindsOverflow) {
  EXPECT_EQ(CheckedMul(1u << 31, 2), uint64_t{1} << 32);
  EXPECT_FALSE(CheckedMul(uint64_t{1} << 33, uint64_t{1} << 31).has_value());
  EXPECT_FALSE(CheckedAdd(~uint64_t{0}, 1).has_value());
}

TEST(Numeric, RoundUpIsTheLeastMultiple) {
  static_assert(RoundUp(0, 64) == 0 && RoundUp(1, 64) == 64 && RoundUp(64, 64) == 64);
  static_assert(RoundUp(uint64_t{5}, 3) == 6 && RoundUp(size_t{7}, 1) == 7);
}

TEST(Numeric, HalfIsExactForEveryBitPattern) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto h = static_cast<uint16_t>(bits);
    const int exponent = static_cast<int>((bits >> 10) & 31);
    const double mantissa = bits & 0x3ff;
    const double sign = bits & 0x8000 ? -1 : 1;
    const float got = F16ToFloat(h);
    EXPECT_EQ(std::signbit(got), sign < 0);
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(got), mantissa != 0);
      EXPECT_EQ(std::isinf(got), mantissa == 0);
    } else {
      const double expected =
          exponent == 0 ? mantissa * 0x1p-24 : (1 + mantissa / 1024) * std::ldexp(1, exponent - 15);
      EXPECT_EQ(got, sign * expected);
    }
  }
}

// `from_float` undoes `to_float` on every finite number of a 16-bit format, and between two of them
// takes the nearest, the even one in the middle.
template <typename FromFloat, typename ToFloat>
void ExpectRoundsToNearestEven(uint16_t infinity, FromFloat from_float, ToFloat to_float) {
  for (uint16_t h = 0; h + 1 < infinity; ++h) {
    for (const int sign : {0, 0x8000}) {
      const auto low = static_cast<uint16_t>(h | sign);
      const auto high = static_cast<uint16_t>((h + 1) | sign);
      const float a = to_float(low);
      const float b = to_float(high);
      ASSERT_EQ(from_float(a), low);
      const float middle = a + (b - a) / 2;
      ASSERT_EQ(from_float(middle), h % 2 == 0 ? low : high) << h;
      ASSERT_EQ(from_float(std::nextafter(middle, a)), low) << h;
      ASSERT_EQ(from_float(std::nextafter(middle, b)), high) << h;
    }
  }
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(from_float(inf), infinity);
  EXPECT_EQ(from_float(-inf), infinity | 0x8000);
  EXPECT_EQ(from_float(std::numeric_limits<float>::max()), infinity);
  EXPECT_TRUE(std::isnan(to_float(from_float(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Numeric, FloatsAreRoundedToTheNearestHalf) {
  ExpectRoundsToNearestEven(0x7c00, FloatToF16, F16ToFloat);
  EXPECT_EQ(FloatToF16(65519.996f), 0x7bff);
  EXPECT_EQ(FloatToF16(65520.0f), 0x7c00);
}

TEST(Numeric, FloatsAreRoundedToTheNearestBf16) {
  ExpectRoundsToNearestEven(0x7f80, FloatToBf16, Bf16ToFloat);
}

TEST(Numeric, Bf16IsTheUpperHalf) {
  EXPECT_EQ(Bf16ToFloat(0x3f80), 1.0f);
  EXPECT_EQ(Bf16ToFloat(0xc040), -3.0f);
  EXPECT_TRUE(std::isinf(Bf16ToFloat(0x7f80)));
}

}  // namespace
}  // namespace bge
