// tokenizer.json as others wrote it, and as nobody should have written it.
#include "tests/expect_error.h"
#include "tokenizer/test_tokenizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string LoadingThrows(const std::string& text) {
  return test::Thrown([&] { return FromJsonText(text); });
}

TEST(TokenizerJson, EncodesAndDecodes) {
  const Tokenizer tokenizer = FromJsonText(BertJson(kUncased, kMaskToken));
  const Encoding encoding = tokenizer.Encode("Héllo, UNABLE [MASK]", {.want_offsets = true});
  EXPECT_THAT(encoding.ids, ElementsAre(1, 39, 22, 40, 45, 2));
  EXPECT_THAT(encoding.special_tokens_mask, ElementsAre(1, 0, 0, 0, 0, 1));
  EXPECT_THAT(encoding.offsets, ElementsAre(Offset{0, 0}, Offset{0, 5}, Offset{5, 6}, Offset{7, 13},
                                            Offset{13, 20}, Offset{0, 0}));
  EXPECT_EQ(tokenizer.Decode({1, 39, 22, 42, 41, 45, 2, 9999, -1}, true),
            "[CLS] hello, unable [SEP]");
  EXPECT_EQ(tokenizer.Decode({39, 45}, false), "hello [MASK]");
  EXPECT_EQ(tokenizer.TokenToId("[MASK]"), 45);
  EXPECT_EQ(tokenizer.TokenToId("absent"), std::nullopt);
  EXPECT_EQ(tokenizer.IdToToken(41), "##able");
  EXPECT_EQ(tokenizer.IdToToken(-1), std::nullopt);
  EXPECT_EQ(tokenizer.vocab_size(), 46);
  EXPECT_EQ(tokenizer.num_special_tokens(), 2);
  EXPECT_EQ(tokenizer.num_special_tokens(true), 3);
  EXPECT_TRUE(tokenizer.is_special(1));
  EXPECT_TRUE(tokenizer.is_special(45));
  EXPECT_FALSE(tokenizer.is_special(39));
}

TEST(TokenizerJson, MarkersThatTheTokenizerKnowsAreOneToken) {
  const auto ids = [](std::vector<std::string> markers, std::string_view text) {
    const LoadOptions options = {.lowercase_first = false, .on_warning = {}, .markers = markers};
    return FromJsonText(BertJson(kUncased), true, options).Encode(text).ids;
  };
  EXPECT_THAT(ids({}, "É a bÉ"), ElementsAre(1, 7, 3, 4, 16, 2));
  EXPECT_THAT(ids({"É "}, "É a bÉ"), ElementsAre(1, 29, 3, 4, 29, 2));  // its first word
  EXPECT_THAT(ids({"É more words"}, "É a"), ElementsAre(1, 29, 3, 2));
  // A word that is one token already stays a word, and what is no token stays text.
  EXPECT_THAT(ids({"hello "}, "hello hellox"), ElementsAre(1, 39, 39, 19, 2));
  EXPECT_THAT(ids({"query: ", "", " "}, "a"), ElementsAre(1, 3, 2));
}

TEST(TokenizerJson, EncodesPairs) {
  const Tokenizer tokenizer = FromJsonText(BertJson(kUncased));
  const Encoding encoding = tokenizer.EncodePair("a b", "c", {.want_offsets = true});
  EXPECT_THAT(encoding.ids, ElementsAre(1, 3, 4, 2, 5, 2));
  EXPECT_THAT(encoding.type_ids, ElementsAre(0, 0, 0, 0, 1, 1));
  const auto error =
      test::ErrorOf([&] { return tokenizer.EncodePair("a", "b", {.max_length = 2}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error->what(), HasSubstr("a pair: expected at least 3, or no special tokens "
                                       "(add_special_tokens off; bge tokenize --no-special)"));
}

TEST(TokenizerJson, NamesUnknownStages) {
  const std::string good = BertJson(kUncased);
  EXPECT_THAT(
      LoadingThrows(Replaced(good, "\"BertPreTokenizer\"", "\"MyPreTokenizer\"")),
      StartsWith("unsupported: unknown pre-tokenizer type 'MyPreTokenizer': tokenizer.json: field "
                 "pre_tokenizer.type: this build knows BertPreTokenizer, "));
  EXPECT_THAT(LoadingThrows(Replaced(good, "\"BertNormalizer\"", "\"MyNormalizer\"")),
              HasSubstr("unknown normalizer type 'MyNormalizer'"));
  EXPECT_THAT(LoadingThrows(Replaced(good, "\"BertProcessing\"", "\"MyProcessing\"")),
              HasSubstr("unknown post-processor type 'MyProcessing'"));
  EXPECT_THAT(LoadingThrows(Replaced(good, R"("type":"WordPiece","unk_token")",
                                     R"("type":"MyModel","unk_token")")),
              HasSubstr("unknown model type 'MyModel'"));
  EXPECT_THAT(LoadingThrows(Replaced(good, R"("type":"WordPiece","prefix")",
                                     R"("type":"MyDecoder","prefix")")),
              HasSubstr("unknown decoder type 'MyDecoder'"));
}

TEST(TokenizerJson, NamesWrongFields) {
  const std::string good = BertJson(kUncased, kMaskToken);
  const struct {
    std::string_view from, to, field;
  } cases[] = {
      {"\"clean_text\":true", "\"clean_text\":1", "normalizer.clean_text"},
      {"\"clean_text\":true,", "", "clean_text"},
      {"\"lowercase\":true", "\"lowercase\":null", "normalizer.lowercase"},
      {"\"x\":10,", "\"x\":-1,", "model.vocab"},
      {"\"x\":10,", "\"x\":4294967296,", "model.vocab"},
      {"\"x\":10,", "\"x\":2147483648,", "model.vocab"},
      {"\"x\":10,", "\"x\":\"ten\",", "model.vocab"},
      {"\"max_input_chars_per_word\":100", "\"max_input_chars_per_word\":-1",
       "model.max_input_chars_per_word"},
      {"\"[SEP]\",2]", "\"[SEP]\"]", "post_processor.sep"},
      {"\"[SEP]\",2]", "\"[SEP]\",-2]", "post_processor.sep"},
      {"\"lstrip\":true", "\"lstrip\":\"yes\"", "added_tokens"},
      {"\"content\":\"[MASK]\",", "", "content"},
      {"\"version\":\"1.0\"", "\"version\":\"9\"", "version"},
      {"\"truncation\":null", "\"truncation\":{\"direction\":\"Up\"}", "truncation.direction"},
      {"\"added_tokens\":[", "\"added_tokens\":[5,", "added_tokens"},
  };
  for (const auto& c : cases) {
    const std::string message = LoadingThrows(Replaced(good, c.from, c.to));
    EXPECT_THAT(message, HasSubstr("tokenizer.json")) << c.to;
    EXPECT_THAT(message, HasSubstr(c.field)) << c.to;
    EXPECT_TRUE(test::IsOneLine(message));
  }
  EXPECT_THAT(LoadingThrows(R"({"model":{"type":"WordLevel","unk_token":"u","vocab":{}}})"),
              HasSubstr("the vocabulary is empty"));
  EXPECT_THAT(LoadingThrows("[]"), HasSubstr("tokenizer.json"));
  EXPECT_THAT(LoadingThrows("{}"), HasSubstr("model"));
}

TEST(TokenizerJson, TemplatesMustUseDefinedTokens) {
  const auto with = [](std::string_view single) {
    return R"({"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}},"post_processor":{"type":)"
           R"("TemplateProcessing","special_tokens":{"S":{"id":"S","ids":[0],"tokens":["a"]}},"pair":[],)"
           R"("single":[)" +
           std::string(single) + "]}}";
  };
  EXPECT_EQ(LoadingThrows(with(R"({"SpecialToken":{"id":"S","type_id":0}})")), "no error");
  EXPECT_THAT(LoadingThrows(with(R"({"SpecialToken":{"id":"T","type_id":0}})")),
              HasSubstr("special token 'T' is not defined"));
  EXPECT_THAT(LoadingThrows(with(R"({"Sequence":{"id":"B","type_id":0}})")),
              HasSubstr("expected A"));
  EXPECT_THAT(LoadingThrows(with(R"({"Other":{"id":"A","type_id":0}})")), HasSubstr("Sequence"));
}

TEST(TokenizerJson, TemplatesMultiplyNothing) {
  const auto with = [](std::string_view field, const std::string& pieces, std::string_view ids) {
    std::string json =
        R"({"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}},"post_processor":{"type":)"
        R"("TemplateProcessing","special_tokens":{"S":{"id":"S","tokens":[],"ids":[)" +
        std::string(ids) + "]}}";
    for (const char* name : {"single", "pair"}) {
      json += std::string(",\"") + name + "\":[" + (field == name ? pieces : "") + "]";
    }
    return json + "}}";
  };
  const std::string a = R"({"Sequence":{"id":"A","type_id":0}})";
  const std::string b = R"({"Sequence":{"id":"B","type_id":1}})";
  const std::string s = R"({"SpecialToken":{"id":"S","type_id":0}})";
  EXPECT_THAT(LoadingThrows(with("single", a + "," + s + "," + a, "0")),
              StartsWith("unsupported: the template holds sequence A more than once: "
                         "tokenizer.json: field post_processor.single: "));
  EXPECT_THAT(LoadingThrows(with("pair", a + "," + b + "," + b, "0")),
              StartsWith("unsupported: the template holds sequence B more than once: "
                         "tokenizer.json: field post_processor.pair: "));
  EXPECT_THAT(LoadingThrows(with("single", s, "-1")),
              HasSubstr("tokenizer.json: field post_processor.special_tokens"));

  std::string many = s;
  for (int i = 1; i < 2048; ++i) many += "," + s;
  const Tokenizer tokenizer = FromJsonText(with("pair", b + "," + many + "," + a, "0,0"));
  EXPECT_EQ(tokenizer.num_special_tokens(true), 4096);
  EXPECT_EQ(tokenizer.EncodePair("a", "a").ids.size(), 4098u);
  EXPECT_THAT(LoadingThrows(with("pair", many + "," + s, "0,0")),
              StartsWith("unsupported: the template adds more than 4096 tokens: tokenizer.json: "
                         "field post_processor.pair: "));
}

TEST(TokenizerJson, RefusesLongSequences) {
  const auto with = [](int members, bool nested) {
    std::string stages;
    for (int i = 0; i < members; ++i)
      stages += std::string(i == 0 ? "" : ",") + R"({"type":"NFC"})";
    stages = R"({"type":"Sequence","normalizers":[)" + stages + "]}";
    return BertJson(nested ? R"({"type":"Sequence","normalizers":[)" + stages + "]}" : stages);
  };
  EXPECT_EQ(LoadingThrows(with(64, false)), "no error");
  EXPECT_EQ(LoadingThrows(with(63, true)), "no error");
  for (const bool nested : {false, true}) {
    EXPECT_THAT(LoadingThrows(with(nested ? 64 : 65, nested)),
                StartsWith("unsupported: a Sequence of more than 64 stages: tokenizer.json: field "
                           "normalizer.normalizers: "));
  }
  std::string digits = R"({"type":"Digits","individual_digits":true})";
  for (int i = 0; i < 64; ++i) digits += R"(,{"type":"Digits","individual_digits":true})";
  EXPECT_THAT(LoadingThrows(Replaced(BertJson(kUncased), R"({"type":"BertPreTokenizer"})",
                                     R"({"type":"Sequence","pretokenizers":[)" + digits + "]}")),
              StartsWith("unsupported: a Sequence of more than 64 stages: tokenizer.json: field "
                         "pre_tokenizer.pretokenizers: "));
}

TEST(TokenizerJson, NormalizersCannotGrowATextWithoutLimit) {
  const auto with = [](std::string_view member) {
    std::string stages(member);
    for (int i = 1; i < 40; ++i) stages += "," + std::string(member);
    return FromJsonText(BertJson(R"({"type":"Sequence","normalizers":[)" + stages + "]}"));
  };
  const Tokenizer replace = with(R"({"type":"Replace","pattern":{"String":"a"},"content":"aa"})");
  EXPECT_THAT(test::Thrown([&] { return replace.Encode("bad"); }),
              StartsWith("unsupported: normalising makes 3 bytes of text more than 64 times as "
                         "long: tokenizer.json: field normalizer: "));
  EXPECT_THAT(replace.Encode("b").ids, ElementsAre(1, 4, 2));
  const Tokenizer prepend =
      with(R"({"type":"Prepend","prepend":")" + std::string(30000, 'x') + "\"}");
  EXPECT_THAT(test::Thrown([&] { return prepend.Encode("b"); }),
              StartsWith("unsupported: normalising makes 1 bytes of text more than 64 times"));
  const Tokenizer bytes = with(R"({"type":"ByteLevel"})");
  EXPECT_THAT(test::Thrown([&] { return bytes.Encode("é"); }),
              StartsWith("unsupported: normalising makes 2 bytes of text more than 64 times"));
  EXPECT_THAT(bytes.Encode("b").ids, ElementsAre(1, 4, 2));
}

TEST(TokenizerJson, RefusesWordsThatTakeTooLong) {
  const std::string good = BertJson(kUncased);
  const auto with = [&](std::string_view number) {
    return LoadingThrows(Replaced(good, "_word\":100", "_word\":" + std::string(number)));
  };
  EXPECT_EQ(with("10000"), "no error");
  EXPECT_THAT(with("10001"), StartsWith("unsupported: found 10001: tokenizer.json: field "
                                        "model.max_input_chars_per_word: expected at most 10000"));
}

TEST(TokenizerJson, RefusesHugeAddedTokens) {
  std::string added = "[";
  for (int i = 0; i < 4300; ++i) {
    const std::string content = std::string(4000, 'x') + std::to_string(i);
    added += Replaced(std::string(kMaskToken.substr(1, kMaskToken.size() - 2)), "[MASK]", content);
    added += i == 4299 ? "]" : ",";
  }
  EXPECT_THAT(LoadingThrows(BertJson(kUncased, added)),
              HasSubstr("added tokens of more than 16 MiB"));
}

TEST(TokenizerJson, SparseAndRepeatedIdsCostNoMemory) {
  const Tokenizer tokenizer = FromJsonText(
      R"({"model":{"type":"WordLevel","unk_token":"u","vocab":{"u":0,"v":2147483647,"w":7,"x":7,"v":9}}})");
  EXPECT_THAT(tokenizer.Encode("v").ids, ElementsAre(9));
  EXPECT_EQ(tokenizer.IdToToken(2147483647), std::nullopt);
  EXPECT_EQ(tokenizer.IdToToken(7), "x");
  EXPECT_EQ(tokenizer.vocab_size(), 4);
}

TEST(TokenizerJson, AMissingUnknownTokenIsAnErrorWhenItIsNeeded) {
  const Tokenizer tokenizer =
      FromJsonText(R"({"model":{"type":"WordLevel","unk_token":"none","vocab":{"a":0}}})");
  EXPECT_THAT(tokenizer.Encode("a").ids, ElementsAre(0));
  EXPECT_THAT(test::Thrown([&] { return tokenizer.Encode("b"); }),
              HasSubstr("no unknown token 'none'"));
}

// Every truncation and thousands of changed bytes: an error or a tokenizer that works, nothing
// else.
TEST(TokenizerJson, SurvivesCorruptedFiles) {
  const std::string good = BertJson(kUncased, kMaskToken);
  const auto use = [](const std::string& text) {
    try {
      const Tokenizer tokenizer = FromJsonText(text);
      tokenizer.EncodePair("Héllo [MASK] abx 中文!", "zz", {.want_offsets = true});
      tokenizer.Decode({0, 1, 2, 3, 45}, false);
    } catch (const Error& error) {
      EXPECT_TRUE(test::IsOneLine(error.what()));
      EXPECT_NE(error.code(), ErrorCode::kInternal);
    }
  };
  for (size_t size = 0; size < good.size(); ++size) use(good.substr(0, size));
  std::mt19937 random(5);
  for (int i = 0; i < 4000; ++i) {
    std::string bad = good;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const size_t at = random() % bad.size();
      switch (random() % 3) {
        case 0:
          bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
          break;
        case 1:
          bad[at] = "{}[]\",:0-ntf\\"[random() % 13];
          break;
        default:
          bad.erase(at, 1 + random() % 20);
      }
    }
    use(bad);
  }
}

}  // namespace
}  // namespace bge::tokenizer
