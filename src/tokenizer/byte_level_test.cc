// ByteLevel, RobertaProcessing, and post-processors in a row.
#include "tokenizer/byte_level.h"

#include "tests/expect_error.h"
#include "tokenizer/test_tokenizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ByteLevel, GivesEachByteACharacterOfItsOwn) {
  std::set<char32_t> seen;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t c = ByteLevelCharacter(static_cast<uint8_t>(byte));
    EXPECT_TRUE(seen.insert(c).second);
    EXPECT_EQ(ByteLevelByte(c), byte);
    std::string utf8;
    AppendUtf8(c, &utf8);
    EXPECT_EQ(ByteLevelUtf8(static_cast<uint8_t>(byte)), utf8);
  }
  EXPECT_EQ(ByteLevelCharacter(' '), U'Ġ');
  EXPECT_EQ(ByteLevelCharacter('\n'), U'Ċ');
  EXPECT_EQ(ByteLevelCharacter(0xAD), U'\u0143');
  EXPECT_EQ(ByteLevelByte(U'\u0144'), -1);
  EXPECT_EQ(ByteLevelByte(U'中'), -1);
}

std::string Json(std::string_view pre_tokenizer, std::string_view post_processor,
                 std::string_view added = "[]") {
  return R"({"added_tokens":)" + std::string(added) + R"(,"pre_tokenizer":)" +
         std::string(pre_tokenizer) + R"(,"post_processor":)" + std::string(post_processor) +
         R"(,"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true},
  "model":{"type":"BPE","unk_token":"<unk>","vocab":{"<s>":0,"</s>":1,"<unk>":2,"h":3,"i":4,"Ġ":5,
  "Ġh":6,"Ġhi":7,"hi":8,"Ã":9,"©":10,"Ã©":11,"ĠĠ":12,"'":13,"s":14,"'s":15,"Ċ":16},
  "merges":[["Ġ","h"],["Ġh","i"],["h","i"],["Ã","©"],["Ġ","Ġ"],["'","s"]]}})";
}

constexpr std::string_view kByteLevel =
    R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})";

TEST(ByteLevel, EncodesAndDecodes) {
  const Tokenizer tokenizer = FromJsonText(
      Json(kByteLevel, R"({"type":"ByteLevel","trim_offsets":false,"add_prefix_space":true})"));
  const Encoding encoding = tokenizer.Encode("hi's hi   é\n", {.want_offsets = true});
  EXPECT_THAT(encoding.ids, ElementsAre(7, 15, 7, 12, 5, 11, 16));
  EXPECT_THAT(encoding.offsets, ElementsAre(Offset{0, 2}, Offset{2, 4}, Offset{4, 7}, Offset{7, 9},
                                            Offset{9, 10}, Offset{10, 11}, Offset{11, 12}));
  EXPECT_EQ(tokenizer.Decode(encoding.ids), " hi's hi   é\n");
  EXPECT_EQ(tokenizer.Decode({9, 3}), "\uFFFDh");
  EXPECT_EQ(tokenizer.Decode({2}, false), "<unk>");
}

TEST(ByteLevel, TrimsOffsets) {
  const auto offsets = [](std::string_view post_processor, std::string_view text) {
    return FromJsonText(Json(kByteLevel, post_processor))
        .Encode(text, {.add_special_tokens = false, .want_offsets = true})
        .offsets;
  };
  const char* const with_space =
      R"({"type":"ByteLevel","trim_offsets":true,"add_prefix_space":true})";
  const char* const without =
      R"({"type":"ByteLevel","trim_offsets":true,"add_prefix_space":false})";
  EXPECT_THAT(offsets(with_space, "hi hi"), ElementsAre(Offset{0, 2}, Offset{3, 5}));
  // The space that was there counts as the one that would have been put there.
  EXPECT_THAT(offsets(with_space, " hi"), ElementsAre(Offset{0, 3}));
  EXPECT_THAT(offsets(without, " hi"), ElementsAre(Offset{1, 3}));
  EXPECT_THAT(offsets(without, "hi"), ElementsAre(Offset{1, 2}));  // Parity: the h lost its place
  EXPECT_THAT(offsets(with_space, "   hi"), ElementsAre(Offset{2, 2}, Offset{3, 5}));
}

TEST(ByteLevel, TrimsAddedTokensByTheTextThatTheyTook) {
  const Tokenizer tokenizer = FromJsonText(
      Json(kByteLevel, R"({"type":"ByteLevel","trim_offsets":true,"add_prefix_space":false})",
           R"([{"id":20,"content":"<m>","single_word":false,"lstrip":true,"rstrip":true,
               "normalized":false,"special":true}])"));
  EXPECT_THAT(tokenizer.Encode("hi  <m>  hi", {.want_offsets = true}).offsets,
              ElementsAre(Offset{1, 2}, Offset{4, 7}, Offset{10, 11}));
}

TEST(RobertaProcessing, PutsTokensAroundTexts) {
  const std::string roberta =
      R"({"type":"RobertaProcessing","sep":["</s>",1],"cls":["<s>",0],"trim_offsets":true,
          "add_prefix_space":true})";
  const Tokenizer tokenizer = FromJsonText(Json(kByteLevel, roberta));
  const Encoding encoding = tokenizer.EncodePair("hi", "hi hi", {.want_offsets = true});
  EXPECT_THAT(encoding.ids, ElementsAre(0, 7, 1, 1, 7, 7, 1));
  EXPECT_THAT(encoding.type_ids, ElementsAre(0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(encoding.special_tokens_mask, ElementsAre(1, 0, 1, 1, 0, 0, 1));
  EXPECT_THAT(encoding.offsets, ElementsAre(Offset{0, 0}, Offset{0, 2}, Offset{0, 0}, Offset{0, 0},
                                            Offset{0, 2}, Offset{3, 5}, Offset{0, 0}));
  EXPECT_EQ(tokenizer.num_special_tokens(), 2);
  EXPECT_EQ(tokenizer.num_special_tokens(true), 4);
  EXPECT_TRUE(tokenizer.is_special(1));
}

TEST(RobertaProcessing, TheFieldsDecideWhetherItIsBerts) {
  const auto pair = [](std::string_view post_processor) {
    return FromJsonText(Json(kByteLevel, post_processor)).EncodePair("hi", "hi").ids;
  };
  EXPECT_THAT(pair(R"({"type":"RobertaProcessing","sep":["</s>",1],"cls":["<s>",0]})"),
              ElementsAre(0, 7, 1, 7, 1));
  EXPECT_THAT(pair(R"({"type":"BertProcessing","sep":["</s>",1],"cls":["<s>",0],
                      "trim_offsets":true,"add_prefix_space":true})"),
              ElementsAre(0, 7, 1, 1, 7, 1));
}

TEST(PostProcessorSequence, LaterStagesSeeWhatEarlierOnesMade) {
  const std::string trim = R"({"type":"ByteLevel","trim_offsets":true,"add_prefix_space":false})";
  const std::string frame =
      R"({"type":"TemplateProcessing","special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}},
          "single":[{"SpecialToken":{"id":"<s>","type_id":2}},{"Sequence":{"id":"A","type_id":1}}],
          "pair":[{"Sequence":{"id":"B","type_id":3}},{"Sequence":{"id":"A","type_id":1}}]})";
  const std::string bert = R"({"type":"BertProcessing","sep":["</s>",1],"cls":["<s>",0]})";
  const auto tokenizer = [](const std::string& processors) {
    return FromJsonText(
        Json(kByteLevel, R"({"type":"Sequence","processors":[)" + processors + "]}"));
  };
  const Encoding framed = tokenizer(trim + "," + frame).Encode(" hi", {.want_offsets = true});
  EXPECT_THAT(framed.ids, ElementsAre(0, 7));
  EXPECT_THAT(framed.type_ids, ElementsAre(2, 1));
  EXPECT_THAT(framed.offsets, ElementsAre(Offset{0, 0}, Offset{1, 3}));
  // Each part of the template is wrapped by itself, and its special tokens are none any more.
  const Encoding wrapped = tokenizer(frame + "," + bert).Encode("hi", {.want_offsets = true});
  EXPECT_THAT(wrapped.ids, ElementsAre(0, 0, 1, 7, 1));
  EXPECT_THAT(wrapped.special_tokens_mask, ElementsAre(1, 0, 1, 0, 1));
  EXPECT_THAT(wrapped.type_ids, ElementsAre(0, 2, 0, 1, 1));
  EXPECT_EQ(tokenizer(frame + "," + bert).num_special_tokens(), 3);
  EXPECT_THAT(tokenizer("").Encode("hi").ids, ElementsAre(7));
  const Tokenizer thrice = tokenizer(frame + "," + bert + "," + frame + "," + frame);
  EXPECT_THAT(test::Thrown([&] { return thrice.EncodePair("hi", "hi").ids.size(); }), "no error");
}

TEST(ByteLevel, HugeRunsOfSpacesAtTokensTakeLinearTime) {
  const Tokenizer tokenizer = FromJsonText(
      Json(kByteLevel, R"({"type":"ByteLevel","trim_offsets":true,"add_prefix_space":false})",
           R"([{"id":20,"content":" ","single_word":false,"lstrip":false,"rstrip":true,
               "normalized":false,"special":true}])"));
  const Encoding encoding = tokenizer.Encode(std::string(200000, ' '), {.want_offsets = true});
  EXPECT_GT(encoding.ids.size(), 0u);
}

}  // namespace
}  // namespace bge::tokenizer
