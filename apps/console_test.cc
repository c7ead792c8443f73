#include "apps/console.h"

#include <gtest/gtest.h>

namespace bge::cli {
namespace {

TEST(WithSeparators, GroupsByThousands) {
  EXPECT_EQ(WithSeparators(0), "0");
  EXPECT_EQ(WithSeparators(999), "999");
  EXPECT_EQ(WithSeparators(1000), "1,000");
  EXPECT_EQ(WithSeparators(-1234567), "-1,234,567");
  EXPECT_EQ(WithSeparators(-999), "-999");
}

TEST(DurationText, ChoosesTwoUnits) {
  EXPECT_EQ(DurationText(0.4), "0s");
  EXPECT_EQ(DurationText(59.4), "59s");
  EXPECT_EQ(DurationText(61), "1m01s");
  EXPECT_EQ(DurationText(2 * 3600 + 5 * 60), "2h05m");
  EXPECT_EQ(DurationText(-3), "0s");
  EXPECT_EQ(DurationText(1e300), "a long time");
}

TEST(ProgressLine, ShowsRatesAndTimeLeft) {
  EXPECT_EQ(ProgressLine(1200, 60000, 25, 100, 10),
            "1,200 texts  120 texts/s  6,000 tokens/s  25%  30s left");
  EXPECT_EQ(ProgressLine(1200, 60000, 25, std::nullopt, 10),
            "1,200 texts  120 texts/s  6,000 tokens/s");
  EXPECT_EQ(ProgressLine(0, 0, 0, 0, 0), "0 texts  0 texts/s");
}

TEST(DownloadLine, ShowsTheShareTheRateAndTheTimeLeft) {
  EXPECT_EQ(DownloadLine("model.safetensors", 0, 30'000'000, 130'000'000, 10),
            "model.safetensors  30.0 of 130.0 MB  23%  3.0 MB/s  33s left");
  // Of a part that was there already no rate follows.
  EXPECT_EQ(DownloadLine("a", 100'000'000, 130'000'000, 130'000'000, 10),
            "a  130.0 of 130.0 MB  100%  3.0 MB/s");
  EXPECT_EQ(DownloadLine("a\x1b[2J", 0, 500'000, 0, 0), "a\\x1b[2J  0.5 MB  0.0 MB/s");
}

}  // namespace
}  // namespace bge::cli
