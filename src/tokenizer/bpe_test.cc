// BPE: which merge comes first, what becomes of unknown characters, and files that are hostile.
#include "tests/expect_error.h"
#include "tokenizer/test_tokenizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <stop_token>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string BpeJson(std::string_view fields, std::string_view vocab, std::string_view merges) {
  return R"({"model":{"type":"BPE",)" + std::string(fields) + R"("vocab":)" + std::string(vocab) +
         R"(,"merges":)" + std::string(merges) + "}}";
}

constexpr std::string_view kVocab =
    R"({"<unk>":0,"a":1,"b":2,"c":3,"ab":4,"bc":5,"abc":6,"aa":7,"é":8,"<0xC3>":9,"<0xA9>":10,"<0x64>":11})";
constexpr std::string_view kMerges = R"([["b","c"],["a","b"],["ab","c"],["a","a"],["a","bc"]])";

Encoding Encode(const std::string& json, std::string_view text) {
  return FromJsonText(json).Encode(text, {.want_offsets = true});
}

std::vector<int32_t> Ids(const std::string& json, std::string_view text) {
  return FromJsonText(json).Encode(text).ids;
}

TEST(Bpe, MergesTheLowestRankFirstAndTheLeftmostOfThose) {
  const std::string json = BpeJson("", kVocab, kMerges);
  EXPECT_THAT(Ids(json, "abc"), ElementsAre(6));
  EXPECT_THAT(Ids(json, "ab"), ElementsAre(4));
  EXPECT_THAT(Ids(json, "aaa"), ElementsAre(7, 1));
  EXPECT_THAT(Ids(json, "aaabcb"), ElementsAre(7, 6, 2));
  EXPECT_THAT(Encode(json, "abcé").offsets, ElementsAre(Offset{0, 3}, Offset{3, 4}));
}

TEST(Bpe, ReadsMergesInBothSpellings) {
  const std::string lines =
      BpeJson("", kVocab, R"(["#version: 0.2","b c","a b","ab c","a a","a bc"])");
  for (const char* text : {"abc", "aab", "aaabcbc"}) {
    EXPECT_EQ(Ids(lines, text), Ids(BpeJson("", kVocab, kMerges), text));
  }
  const auto loading = [](std::string_view merges) {
    return test::Thrown([&] { FromJsonText(BpeJson("", kVocab, merges)); });
  };
  EXPECT_EQ(loading("[]"), "no error");
  EXPECT_THAT(loading(R"(["a b c"])"), HasSubstr("merge 'a b c' is not two tokens"));
  EXPECT_THAT(loading(R"(["ab"])"), HasSubstr("merge 'ab' is not two tokens"));
  EXPECT_THAT(loading(R"([["a","b","c"]])"), HasSubstr("is not two tokens"));
  EXPECT_THAT(loading(R"([["a","b"],"b c"])"), HasSubstr("is not two tokens"));
  EXPECT_THAT(loading(R"(["a b",["b","c"]])"), HasSubstr("found an array"));
  EXPECT_THAT(loading(R"([["a","x"]])"),
              StartsWith("corrupt_data: merge 1 has a token 'x' that is not in the vocabulary: "
                         "tokenizer.json: field model.merges"));
  EXPECT_THAT(loading(R"([["a","b"],["b","b"]])"), HasSubstr("merge 2 has a token 'bb'"));
}

TEST(Bpe, LeavesUnknownCharactersOutWithoutAnUnknownToken) {
  // Offsets behind them move up, as upstream's do.
  const Encoding encoding = Encode(BpeJson("", kVocab, kMerges), "axb");
  EXPECT_THAT(encoding.ids, ElementsAre(4));
  EXPECT_THAT(encoding.offsets, ElementsAre(Offset{0, 2}));
}

TEST(Bpe, UnknownTokensAreFusedIfAskedTo) {
  const std::string apart = BpeJson(R"("unk_token":"<unk>",)", kVocab, kMerges);
  const std::string fused = BpeJson(R"("unk_token":"<unk>","fuse_unk":true,)", kVocab, kMerges);
  EXPECT_THAT(Ids(apart, "axyb"), ElementsAre(1, 0, 0, 2));
  EXPECT_THAT(Ids(fused, "axyb"), ElementsAre(1, 0, 2));
  EXPECT_THAT(Encode(fused, "axyb").offsets, ElementsAre(Offset{0, 1}, Offset{1, 3}, Offset{3, 4}));
  EXPECT_THAT(test::Thrown([&] { Ids(BpeJson(R"("unk_token":"none",)", kVocab, kMerges), "x"); }),
              HasSubstr("no unknown token 'none'"));
}

TEST(Bpe, FallsBackToBytes) {
  const std::string json = BpeJson(R"("unk_token":"<unk>","byte_fallback":true,)",
                                   R"({"<unk>":0,"a":1,"<0xC3>":9,"<0xA9>":10,"<0xA4>":11})", "[]");
  EXPECT_THAT(Ids(json, "aéä"), ElementsAre(1, 9, 10, 9, 11));
  EXPECT_THAT(Ids(json, "aü"), ElementsAre(1, 0));  // one of its bytes is no token
  // An unknown token that waits is put behind the bytes.
  EXPECT_THAT(Ids(json, "xéa"), ElementsAre(9, 10, 0, 1));
}

TEST(Bpe, PrefixAndSuffixBelongToPlacesInTheWord) {
  const std::string json =
      BpeJson(R"("continuing_subword_prefix":"##","end_of_word_suffix":"</w>",)",
              R"({"a":0,"##a":1,"##a</w>":2,"a</w>":3,"a##a":4,"aa":5,"aaa</w>":6})",
              R"([["a","##a"],["aa","##a</w>"]])");
  EXPECT_THAT(Ids(json, "a"), ElementsAre(3));
  EXPECT_THAT(Ids(json, "aa"), ElementsAre(0, 2));
  EXPECT_THAT(Ids(json, "aaa"), ElementsAre(6));
  const auto loading = [&](std::string_view vocab, std::string_view merges) {
    return test::Thrown(
        [&] { FromJsonText(BpeJson(R"("continuing_subword_prefix":"##",)", vocab, merges)); });
  };
  EXPECT_EQ(loading(R"({"a":0,"##a":1,"aa":2})", R"([["a","##a"]])"), "no error");
  EXPECT_THAT(loading(R"({"a":0,"b":1,"aa":2})", R"([["a","b"]])"),
              "no error");  // takes 2 bytes off
  EXPECT_THAT(test::Thrown([&] {
                FromJsonText(BpeJson(R"("end_of_word_suffix":")" + std::string(33, 'x') + "\",",
                                     kVocab, "[]"));
              }),
              HasSubstr("a prefix or suffix of 33 bytes"));
}

TEST(Bpe, IgnoresMergesForWordsThatAreTokens) {
  const std::string vocab = R"({"a":0,"b":1,"ab":2,"abab":3,"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":4})";
  const std::string merges = R"([["a","b"]])";
  EXPECT_THAT(Ids(BpeJson(R"("ignore_merges":true,)", vocab, merges), "abab"), ElementsAre(3));
  EXPECT_THAT(Ids(BpeJson(R"("ignore_merges":true,)", vocab, merges), std::string(32, 'a')),
              ElementsAre(4));
  EXPECT_THAT(Ids(BpeJson("", vocab, merges), "abab"), ElementsAre(2, 2));
}

TEST(Bpe, DropoutIsIgnored) {
  const std::string json = BpeJson(R"("dropout":0.5,)", kVocab, kMerges);
  for (int i = 0; i < 20; ++i) EXPECT_THAT(Ids(json, "abc"), ElementsAre(6));
  EXPECT_THAT(test::Thrown([&] { FromJsonText(BpeJson(R"("dropout":1.5,)", kVocab, kMerges)); }),
              HasSubstr("field model.dropout"));
}

TEST(Bpe, OldFilesHaveNoType) {
  const std::string json = R"({"model":{"unk_token":"<unk>","vocab":)" + std::string(kVocab) +
                           R"(,"merges":)" + std::string(kMerges) + "}}";
  EXPECT_THAT(Ids(json, "abcx"), ElementsAre(6, 0));
}

// A word as such, by plain means: of all pairs the one of the lowest rank, and the leftmost of
// those.
std::vector<std::string> MergedNaively(
    const std::string& word, const std::vector<std::pair<std::string, std::string>>& merges) {
  std::vector<std::string> symbols;
  for (const char c : word) symbols.emplace_back(1, c);
  while (true) {
    size_t best = merges.size();
    size_t at = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      for (size_t rank = 0; rank < best; ++rank) {
        if (merges[rank].first == symbols[i] && merges[rank].second == symbols[i + 1]) {
          best = rank;
          at = i;
        }
      }
    }
    if (best == merges.size()) return symbols;
    symbols[at] += symbols[at + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
}

// Short words come from the cache the second time, long ones are cut where no token joins.
TEST(Bpe, AgreesWithPlainMergingOnRandomWords) {
  std::mt19937 random(3);
  const auto pick = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c", "d", " "};
    std::vector<std::pair<std::string, std::string>> merges;
    std::string merges_json;
    for (size_t i = 0; i < 3 + pick(40); ++i) {
      const std::pair<std::string, std::string> merge{tokens[pick(tokens.size())],
                                                      tokens[pick(tokens.size())]};
      const std::string merged = merge.first + merge.second;
      if (std::find(tokens.begin(), tokens.end(), merged) != tokens.end() || merged.size() > 20) {
        continue;
      }
      tokens.push_back(merged);
      merges.push_back(merge);
      merges_json +=
          (merges.size() > 1 ? ",[\"" : "[\"") + merge.first + "\",\"" + merge.second + "\"]";
    }
    std::string vocab;
    for (size_t i = 0; i < tokens.size(); ++i) {
      vocab += (i > 0 ? ",\"" : "\"") + tokens[i] + "\":" + std::to_string(i);
    }
    const Tokenizer tokenizer =
        FromJsonText(BpeJson("", "{" + vocab + "}", "[" + merges_json + "]"));
    for (int word = 0; word < 60; ++word) {
      std::string text;
      for (size_t i = 1 + pick(word % 2 == 0 ? 12 : 80); i > 0; --i) text += "abcd "[pick(5)];
      std::vector<std::string> got;
      for (const int32_t id : tokenizer.Encode(text).ids) {
        got.emplace_back(*tokenizer.IdToToken(id));
      }
      EXPECT_EQ(got, MergedNaively(text, merges)) << text << " " << merges_json;
    }
  }
}

// Twice as many letters take about twice as long, and a request to stop is heard.
TEST(Bpe, HugeWordsTakeLinearTimeAndCanBeStopped) {
  std::string vocab = R"({"a":0)";
  std::string merges;
  for (size_t size = 1, id = 1; size < 512; size *= 2, ++id) {
    const std::string half(size, 'a');
    vocab += ",\"" + half + half + "\":" + std::to_string(id);
    merges += (id > 1 ? ",[\"" : "[\"") + half + "\",\"" + half + "\"]";
  }
  const Tokenizer tokenizer = FromJsonText(BpeJson("", vocab + "}", "[" + merges + "]"));
  const std::string text(1 << 20, 'a');
  const Encoding encoding = tokenizer.Encode(text);
  EXPECT_EQ(encoding.ids, std::vector<int32_t>(2048, 9));
  const auto document = json::Document::Parse(BpeJson("", vocab + "}", "[" + merges + "]"), "test");
  const auto model = ModelFromJson(document->root().At("model"));
  std::stop_source source;
  source.request_stop();
  const std::stop_token stop = source.get_token();
  std::vector<ModelToken> tokens;
  const auto error = test::ErrorOf([&] {
    model->Tokenize(text, &stop, &tokens);
    return 0;
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kCancelled);
}

TEST(Bpe, SurvivesCorruptedFiles) {
  const std::string good = BpeJson(
      R"("unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"continuing_subword_prefix":"",
      "end_of_word_suffix":null,"ignore_merges":false,"dropout":null,)",
      kVocab, kMerges);
  const auto use = [](const std::string& text) {
    try {
      const Tokenizer tokenizer = FromJsonText(text);
      tokenizer.Encode("aaabcé xyz abcabc", {.want_offsets = true});
      tokenizer.Encode("abcabcabcabcéabcabcabcabc中aaabbbb", {.want_offsets = true});
    } catch (const Error& error) {
      EXPECT_TRUE(test::IsOneLine(error.what()));
      EXPECT_NE(error.code(), ErrorCode::kInternal);
    }
  };
  use(good);
  for (size_t size = 0; size < good.size(); ++size) use(good.substr(0, size));
  std::mt19937 random(6);
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const size_t at = random() % bad.size();
      switch (random() % 3) {
        case 0:
          bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
          break;
        case 1:
          bad[at] = "{}[]\",:0-abc\\"[random() % 13];
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
