// JSON written again: the same values, in Python's form.
#include "base/json_text.h"

#include <gtest/gtest.h>

namespace bge::json {
namespace {

std::string Written(std::string_view text) {
  std::string out;
  AppendValue(Document::Parse(text, "x.json")->root(), 0, &out);
  return out;
}

TEST(JsonText, WritesWhatPythonWouldWrite) {
  const std::string text = R"({
  "a": "é \"quoted\" \\ \u000a",
  "empty": {},
  "list": [
    1,
    -2.5,
    1e-12,
    1.0,
    true,
    null,
    []
  ],
  "nested": {
    "x": {
      "y": 9007199254740993
    }
  }
})";
  EXPECT_EQ(Written(text), text);
}

TEST(JsonText, WritesWhatIsNoJsonAsPythonDoes) {
  EXPECT_EQ(Written("[NaN, Infinity, -Infinity]"), "[\n  NaN,\n  Infinity,\n  -Infinity\n]");
}

}  // namespace
}  // namespace bge::json
