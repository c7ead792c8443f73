#include "base/json.h"

#include "base/error.h"
#include "tests/expect_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace bge::json {
namespace {

std::shared_ptr<const Document> Parse(std::string_view text) {
  return Document::Parse(text, "f.json");
}

std::string ErrorOf(std::string_view text) {
  try {
    Parse(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCorruptData);
    return e.what();
  }
  return "";
}

TEST(Json, EndsWhenAskedToStop) {
  std::stop_source source;
  const std::stop_token stop = source.get_token();
  EXPECT_EQ(Document::Parse("[1]", "f.json", &stop)->root().size(), 1u);
  source.request_stop();
  EXPECT_THAT(test::Thrown([&] { return Document::Parse("[1]", "f.json", &stop); }),
              testing::StartsWith("cancelled: "));
}

TEST(Json, ReadsEveryType) {
  const auto d = Parse(
      R"({"n":null,"b":true,"i":-7,"r":1.5,"s":"a\n\u00e9","a":[1,[2],{}],"o":{"x":{"y":3}}})");
  const Value root = d->root();
  EXPECT_TRUE(root.At("n").is_null());
  EXPECT_FALSE(root.FindNonNull("n").has_value());
  EXPECT_TRUE(root.At("b").AsBool());
  EXPECT_EQ(root.At("i").AsInt(), -7);
  EXPECT_EQ(root.At("r").AsDouble(), 1.5);
  EXPECT_EQ(root.At("s").AsString(), "a\n\xc3\xa9");
  ASSERT_EQ(root.At("a").Elements().size(), 3u);
  EXPECT_EQ(root.At("a").Elements()[1].Elements()[0].AsInt(), 2);
  EXPECT_EQ(root.At("o").At("x").At("y").AsInt(), 3);
  EXPECT_EQ(root.size(), 7u);
  EXPECT_FALSE(root.Find("zzz").has_value());
}

TEST(Json, AcceptsWhatPythonWrites) {
  const auto d = Parse(
      "\xef\xbb\xbf{\"max\":1000000000000000019884624838656,\"nan\":NaN,\"inf\":-Infinity,\"lone\":"
      "\"a\\ud800b\",\"k\":1,\"k\":2,"
      "\"pair\":\"\\ud83d\\ude00\",\"\\udc00\":5}");
  EXPECT_EQ(d->root().At("max").AsDouble(), 1000000000000000019884624838656.0);
  EXPECT_TRUE(std::isnan(d->root().At("nan").AsDouble()));
  EXPECT_TRUE(std::isinf(d->root().At("inf").AsDouble()));
  EXPECT_EQ(d->root().At("lone").AsString(),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(d->root().At("pair").AsString(), "\xf0\x9f\x98\x80");
  EXPECT_EQ(d->root().At("\xef\xbf\xbd").AsInt(), 5);
  EXPECT_EQ(d->root().At("k").AsInt(), 2);  // the last one, as in Python
  EXPECT_EQ(d->root().Members().size(), 8u);
}

TEST(Json, ErrorsNameFileFieldFoundAndExpected) {
  const auto d = Parse(R"({"a":{"b":[1,{"c":"x"}]}})");
  const Value c = d->root().At("a").At("b").Elements()[1].At("c");
  EXPECT_EQ(c.Where(), "f.json: field a.b[1].c");
  try {
    c.AsInt();
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(),
                testing::HasSubstr("f.json: field a.b[1].c: found a string, expected an integer"));
  }
  EXPECT_THROW(d->root().At("zzz"), Error);
  EXPECT_THROW(d->root().AsString(), Error);
  EXPECT_THROW(d->root().Elements()[0].At("b").Elements()[0].AsIntIn(2, 3), Error);
}

TEST(Json, RefusesBrokenText) {
  for (const char* text :
       {"", "  ", "{", "[1,", "{\"a\":}", "{\"a\" 1}", "[1 2]", "[tru]", "[nul]", "[01x]",
        "[\"\\x\"]", "[\"a]", "\"lone\"", "7", "[1]]", "[1] x", "[-]", "[Nan]", "[\"\xff\"]"}) {
    EXPECT_THAT(ErrorOf(text), testing::HasSubstr("f.json")) << text;
  }
}

TEST(Json, DeepNestingIsAnErrorNotAStackOverflow) {
  EXPECT_THAT(ErrorOf(std::string(100000, '[')), testing::HasSubstr("f.json"));
  EXPECT_THAT(ErrorOf(std::string(500, '[') + std::string(500, ']')),
              testing::HasSubstr("nested too deeply"));
}

TEST(Json, SoManyValuesThatMemoryWouldRunOutAreRefused) {
  std::string text = "[";
  for (size_t i = 0; i <= size_t{1} << 24; ++i) text += "0,";
  text += "0]";
  EXPECT_THAT(ErrorOf(text), testing::HasSubstr("too many values"));
}

TEST(Json, EveryTruncationAndByteFlipIsReadOrRefused) {
  const std::string good = R"({"a":[1,2.5e3,{"b":"\u00e9\ud800x"}],"c":null,"d":[true,false,NaN]})";
  Parse(good);
  for (size_t n = 0; n < good.size(); ++n) EXPECT_NE(ErrorOf(good.substr(0, n)), "") << n;
  for (size_t i = 0; i < good.size(); ++i) {
    for (int b = 0; b < 256; ++b) {
      std::string bad = good;
      bad[i] = static_cast<char>(b);
      ErrorOf(bad);  // no crash; some flips are valid JSON
    }
  }
}

}  // namespace
}  // namespace bge::json
