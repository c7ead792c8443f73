#include "apps/json_text.h"

#include "base/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

namespace bge::cli {
namespace {

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

TEST(AppendJsonString, EscapesWhatJsonMust) {
  EXPECT_EQ(JsonString("a\"b\\c/\n\r\t\b"), "\"a\\\"b\\\\c/\\n\\r\\t\\u0008\"");
  EXPECT_EQ(JsonString(std::string_view("\0\x1F\x7F", 3)), "\"\\u0000\\u001f\\u007f\"");
  EXPECT_EQ(JsonString("\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"),
            "\"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\"");
}

TEST(AppendJsonString, ReplacesWhatIsNotUtf8AsRustDoes) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(JsonString("a\xFF"
                       "b"),
            "\"a" + r + "b\"");
  EXPECT_EQ(JsonString("\xC0\x80"), "\"" + r + r + "\"");                  // overlong
  EXPECT_EQ(JsonString("\xED\xA0\x80"), "\"" + r + r + r + "\"");          // a surrogate
  EXPECT_EQ(JsonString("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"");  // past U+10FFFF
  EXPECT_EQ(JsonString("\xE4\xB8"), "\"" + r + "\"");  // cut off: one for the part
  EXPECT_EQ(JsonString("\xF0\x9F\x98"
                       "x"),
            "\"" + r + "x\"");
  EXPECT_EQ(JsonString("\xE4\xE4\xB8\xAD"), "\"" + r + "\xE4\xB8\xAD\"");
}

TEST(AppendJsonString, IsReadBackByTheParserForAnyBytes) {
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 12, '\0');
    for (char& c : text) {
      // Mostly bytes at the edges of UTF-8's classes.
      constexpr uint8_t kEdges[] = {0x00, 0x22, 0x5C, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                    0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF};
      c = static_cast<char>(random() % 4 != 0 ? kEdges[random() % sizeof kEdges] : random());
    }
    const std::string json = JsonString(text);
    const auto document = json::Document::Parse("[" + json + "]", "test");
    const json::Value value = document->root().Elements()[0];
    ASSERT_TRUE(value.is_string()) << i;
    // Valid text comes back as it was; and what came back is valid, so that writing it again is
    // stable.
    EXPECT_EQ(JsonString(value.AsString()), json);
  }
}

TEST(AppendJsonFloats, RoundTripsEveryKindOfFloat) {
  std::mt19937 random(11);
  std::vector<float> values = {0.0f,
                               -0.0f,
                               1.0f,
                               16777216.0f,
                               0.1f,
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::lowest(),
                               std::numeric_limits<float>::min(),
                               std::numeric_limits<float>::denorm_min()};
  while (values.size() < 100000) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(value)) values.push_back(value);
  }
  std::string plain;
  AppendPlainFloats(values, &plain);
  const char* at = plain.c_str();
  for (const float value : values) {
    char* end = nullptr;
    ASSERT_EQ(std::bit_cast<uint32_t>(std::strtof(at, &end)), std::bit_cast<uint32_t>(value));
    at = end;
  }
  std::string json;
  AppendJsonFloats(values, &json);
  const auto document = json::Document::Parse(json, "test");
  ASSERT_EQ(document->root().size(), values.size());
  size_t i = 0;
  document->root().ForEachElement([&](const json::Value& value) {
    EXPECT_EQ(static_cast<float>(value.AsDouble()), values[i]) << i;
    ++i;
  });
}

TEST(AppendJsonFloats, WritesTheShortestForm) {
  std::string out;
  AppendJsonFloats(std::vector<float>{0.1f, 1.0f / 3, 1e10f, -2.5f}, &out);
  EXPECT_EQ(out, "[0.1,0.33333334,1e+10,-2.5]");
  out.clear();
  AppendJsonFloats({}, &out);
  EXPECT_EQ(out, "[]");
}

}  // namespace
}  // namespace bge::cli
