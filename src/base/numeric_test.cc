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

TEST(Numeric, Bf16IsTheUpperHalf) {
  EXPECT_EQ(Bf16ToFloat(0x3f80), 1.0f);
  EXPECT_EQ(Bf16ToFloat(0xc040), -3.0f);
  EXPECT_TRUE(std::isinf(Bf16ToFloat(0x7f80)));
}

}  // namespace
}  // namespace bge
