// Decoders, alone and in a row.
#include "tokenizer/decoder/decoder.h"

#include "base/json.h"
#include "tests/expect_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge::tokenizer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Decode(std::string_view json, std::vector<std::string> tokens) {
  const auto document = json::Document::Parse(json, "tokenizer.json");
  return DecoderFromJson(document->root())->Decode(std::move(tokens));
}

TEST(Decoders, LlamasChain) {
  const char* const llama = R"({"type":"Sequence","decoders":[
      {"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},
      {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]})";
  EXPECT_EQ(Decode(llama, {"▁▁Hey", "▁you", "<0xC3>", "<0xA9>", "!"}), " Hey youé!");
  EXPECT_EQ(Decode(llama, {"<0xC3>", "▁a"}), "\uFFFD a");
  EXPECT_EQ(Decode(llama, {}), "");
}

TEST(Decoders, ByteFallbackNeedsAllBytesOfARunToBeText) {
  const char* const json = R"({"type":"ByteFallback"})";
  EXPECT_EQ(Decode(json, {"<0x61>", "<0xC3>", "b"}), "\uFFFD\uFFFDb");
  EXPECT_EQ(Decode(json, {"<0x61>", "<0xzz>", "<0x+1>", "<0x6>"}), "a<0xzz>\x01<0x6>");
}

TEST(Decoders, EachByItself) {
  EXPECT_EQ(Decode(R"({"type":"BPEDecoder","suffix":"</w>"})", {"a", "b</w>", "c</w>"}), "ab c");
  EXPECT_EQ(Decode(R"({"type":"BPEDecoder","suffix":""})", {"ab", "c"}), " a b c");
  EXPECT_EQ(
      Decode(R"({"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true})",
             {"<pad>", "h", "h", "<pad>", "h", "|", "i"}),
      "hh i");
  EXPECT_EQ(Decode(R"({"type":"WordPiece","prefix":"##","cleanup":true})", {"a", "##b", "!"}),
            "ab!");
  EXPECT_EQ(Decode(R"({"type":"Replace","pattern":{"Regex":"a+|$"},"content":"x"})", {"baab", "a"}),
            "bxbxx");
  EXPECT_EQ(Decode(R"({"type":"Strip","content":"é","start":1,"stop":2})", {"éébéé", "éa"}), "éba");
  EXPECT_EQ(Decode(R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true})",
                   {"ĠÃ", "©", "中"}),
            " é中");
}

TEST(Decoders, RefuseWrongFields) {
  const auto message = [](std::string_view json) {
    return test::Thrown([&] { return Decode(json, {"a"}); });
  };
  EXPECT_THAT(message(R"({"type":"Strip","content":"ab","start":1,"stop":2})"),
              HasSubstr("expected one character"));
  EXPECT_THAT(message(R"({"type":"Strip","content":"a","start":-1,"stop":2})"),
              HasSubstr("field start"));
  EXPECT_THAT(message(R"({"type":"BPEDecoder"})"), HasSubstr("suffix"));
  EXPECT_THAT(message(R"({"type":"Unknown"})"), StartsWith("unsupported: unknown decoder type"));
}

TEST(Decoders, CannotGrowTokensWithoutLimit) {
  std::string members;
  for (int i = 0; i < 40; ++i) {
    members += std::string(i > 0 ? "," : "") +
               R"({"type":"Replace","pattern":{"String":"a"},"content":"aa"})";
  }
  EXPECT_THAT(
      test::Thrown(
          [&] { return Decode(R"({"type":"Sequence","decoders":[)" + members + "]}", {"a"}); }),
      StartsWith("unsupported: decoding makes 1 bytes of tokens more than 64 times as long: "
                 "tokenizer.json: field decoder: "));
}

}  // namespace
}  // namespace bge::tokenizer
