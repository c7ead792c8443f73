// Unigram and its trie.
#include "tokenizer/model/unigram.h"

#include "tests/expect_error.h"
#include "tokenizer/test_sentencepiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>

namespace bge::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<const Model> ModelOf(std::string_view json) {
  const auto document = json::Document::Parse(json, "tokenizer.json");
  return ModelFromJson(document->root());
}

std::vector<int32_t> IdsOf(const Model& model, std::string_view word) {
  std::vector<ModelToken> tokens;
  model.Tokenize(word, nullptr, &tokens);
  std::vector<int32_t> ids;
  for (const ModelToken& token : tokens) ids.push_back(token.id);
  return ids;
}

std::string Thrown(std::string_view json, std::string_view word = "") {
  return test::Thrown([&] {
    const auto model = ModelOf(json);
    if (!word.empty()) IdsOf(*model, word);
  });
}

TEST(Unigram, TakesTheLargestSum) {
  const auto model = ModelOf(
      R"({"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["a",0.0],["b",0.0],["c",0.0],["d",0.0],["cd",1.0],["ab",2.0],["abc",5.0],["abcd",10.0]]})");
  EXPECT_THAT(IdsOf(*model, "abcdacd"), ElementsAre(8, 1, 5));
  EXPECT_EQ(model->vocab_size(), 9u);
  EXPECT_EQ(model->TokenToId("abc"), 7);
  EXPECT_EQ(model->TokenToId("abcde"), std::nullopt);
  EXPECT_EQ(model->TokenToId(""), std::nullopt);
  EXPECT_EQ(model->IdToToken(7), "abc");
  EXPECT_EQ(model->IdToToken(9), std::nullopt);
  EXPECT_EQ(model->IdToToken(-1), std::nullopt);
}

TEST(Unigram, TakesTheFirstOfEqualSums) {
  const auto model = ModelOf(R"({"unk_id":0,"vocab":[["<unk>",0],["a",-1],["aa",-1],["b",-2]]})");
  EXPECT_THAT(IdsOf(*model, "aaa"), ElementsAre(1, 2));
}

TEST(Unigram, FusesWhatIsUnknown) {
  const auto model =
      ModelOf(R"({"unk_id":1,"vocab":[["a",-1],["<unk>",0],["xy",50],["xyz",-90]]})");
  std::vector<ModelToken> tokens;
  model->Tokenize("aqrsa", nullptr, &tokens);
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[1].id, 1);
  EXPECT_EQ(tokens[1].begin, 1u);
  EXPECT_EQ(tokens[1].end, 4u);
  // The unknown piece by its name joins what is unknown around it.
  EXPECT_THAT(IdsOf(*model, "q<unk>q"), ElementsAre(1));
  EXPECT_THAT(IdsOf(*model, "<unk>"), ElementsAre(1));
  // Unknown characters in a row that are a piece together.
  const auto odd = ModelOf(R"({"unk_id":0,"vocab":[["<unk>",40],["xy",10]]})");
  EXPECT_THAT(IdsOf(*odd, "xy"), ElementsAre(1));
}

TEST(Unigram, FallsBackToBytesOfTheWholeUnknownPiece) {
  const std::string vocab =
      R"("vocab":[["<unk>",0],["a",-1],["<0xC3>",-5],["<0xA9>",-5],["<0x71>",-5]]})";
  const auto model = ModelOf(R"({"unk_id":0,"byte_fallback":true,)" + vocab);
  std::vector<ModelToken> tokens;
  model->Tokenize("aqé", nullptr, &tokens);
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[1].id, 4);
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(tokens[i].begin, 1u);
    EXPECT_EQ(tokens[i].end, 4u);
  }
  EXPECT_THAT(IdsOf(*model, "qéz"), ElementsAre(0));  // all bytes or none
  EXPECT_THAT(IdsOf(*ModelOf(R"({"unk_id":0,"byte_fallback":false,)" + vocab), "q"),
              ElementsAre(0));
}

TEST(Unigram, NeedsAnUnknownPieceOnlyForUnknownCharacters) {
  constexpr std::string_view kJson = R"({"type":"Unigram","unk_id":null,"vocab":[["a",-1]]})";
  EXPECT_EQ(Thrown(kJson, "aa"), "no error");
  EXPECT_THAT(Thrown(kJson, "ab"), HasSubstr("corrupt_data: an unknown character, and no unknown"));
  EXPECT_THAT(Thrown(R"({"type":"Unigram","vocab":[]})", "a"), HasSubstr("an unknown character"));
}

TEST(Unigram, TheLastOfEqualPiecesCounts) {
  const auto model =
      ModelOf(R"({"unk_id":0,"vocab":[["<unk>",0],["ab",-1],["a",-2],["b",-2],["ab",-9]]})");
  EXPECT_EQ(model->TokenToId("ab"), 4);
  EXPECT_EQ(model->IdToToken(1), "ab");
  EXPECT_EQ(model->vocab_size(), 5u);
  EXPECT_THAT(IdsOf(*model, "ab"), ElementsAre(2, 3));
}

// serde_json reads the first number as the second; exactly, it is larger.
TEST(Unigram, ReadsScoresAsSerdeDoes) {
  const auto model = ModelOf(
      R"({"unk_id":0,"vocab":[["<unk>",0],["x",-15.774467468261719],["y",0],["xy",-15.77446746826172]]})");
  EXPECT_THAT(IdsOf(*model, "xy"), ElementsAre(3));
}

TEST(Unigram, RefusesWhatIsNoVocabulary) {
  const auto json = [](std::string_view vocab) {
    return R"({"type":"Unigram","unk_id":0,"vocab":)" + std::string(vocab) + "}";
  };
  for (const char* vocab :
       {"{}", "[]", "[[]]", R"([["a"]])", R"([["a",1,2]])", R"([[1,1]])", R"([["a","b"]])",
        R"(["a"])", R"([["a",NaN]])", R"([["a",Infinity]])"}) {
    const std::string message = Thrown(json(vocab));
    EXPECT_THAT(message, HasSubstr("tokenizer.json: field vocab")) << vocab;
    EXPECT_TRUE(test::IsOneLine(message));
  }
  EXPECT_THAT(Thrown(R"({"type":"Unigram","unk_id":1,"vocab":[["a",0]]})"),
              HasSubstr("unk_id is 1 among 1 pieces"));
  EXPECT_THAT(Thrown(json("[[\"" + std::string(5000, 'a') + "\",0]]")),
              HasSubstr("a piece of 5000 bytes"));
  EXPECT_THAT(Thrown(R"({"type":"Unigram","unk_id":-1,"vocab":[["a",0]]})"), HasSubstr("unk_id"));
}

// The plain algorithm, with a map for a trie.
std::vector<int32_t> ByMap(const std::map<std::string, std::pair<int32_t, double>>& pieces,
                           double unknown, const std::string& word) {
  struct Best {
    double score;
    size_t start;
    int32_t id;
  };
  std::vector<std::optional<Best>> best(word.size() + 1);
  best[0] = Best{0, 0, -1};
  for (size_t start = 0; start < word.size(); ++start) {
    bool single = false;
    const auto offer = [&](size_t end, double score, int32_t id) {
      if (!best[end] || score > best[end]->score) best[end] = Best{score, start, id};
    };
    for (size_t end = start + 1; end <= word.size(); ++end) {
      const auto piece = pieces.find(word.substr(start, end - start));
      if (piece == pieces.end()) continue;
      single |= end == start + 1;
      offer(end, piece->second.second + best[start]->score, piece->second.first);
    }
    if (!single) offer(start + 1, unknown + best[start]->score, 0);
  }
  std::vector<int32_t> ids;
  bool was_unknown = false;
  for (size_t end = word.size(); end > 0; end = best[end]->start) {
    const bool is_unknown = best[end]->id == 0;
    if (!is_unknown || !was_unknown) ids.push_back(best[end]->id);
    was_unknown = is_unknown;
  }
  std::reverse(ids.begin(), ids.end());
  return ids;
}

TEST(Unigram, EqualsThePlainAlgorithmOnRandomVocabularies) {
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    const uint32_t letters = 2 + static_cast<uint32_t>(random() % 90);
    const auto text = [&](size_t most) {
      std::string s;
      for (size_t n = 1 + random() % most; n > 0; --n)
        s += static_cast<char>(' ' + random() % letters);
      return s;
    };
    std::vector<std::string> texts = {"\x7f"};
    std::vector<double> scores = {0};
    for (int i = 0; i < 300; ++i) {
      texts.push_back(text(7));
      // Often with sums that are equal.
      scores.push_back(round % 2 == 0 ? -static_cast<double>(random() % 5)
                                      : -static_cast<double>(random()) / 1e8);
    }
    std::vector<Unigram::Piece> pieces;
    std::map<std::string, std::pair<int32_t, double>> map;
    double least = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      pieces.push_back({texts[i], scores[i]});
      map[texts[i]] = {static_cast<int32_t>(i), scores[i]};
      least = std::min(least, scores[i]);
    }
    const Unigram model(pieces, {.unk_id = 0}, "test");
    for (const auto& [piece, entry] : map) ASSERT_EQ(model.TokenToId(piece), entry.first);
    for (int i = 0; i < 200; ++i) {
      const std::string word = text(30);
      const std::vector<int32_t> expected = ByMap(map, least - 10, word);
      std::vector<int32_t> ids = IdsOf(model, word);
      // A fused run that is a piece has that piece's id.
      ASSERT_EQ(ids.size(), expected.size()) << word;
      for (size_t k = 0; k < ids.size(); ++k) {
        if (expected[k] == 0) continue;
        ASSERT_EQ(ids[k], expected[k]) << word;
      }
    }
  }
}

TEST(PieceTrie, HoldsPiecesOfAllBytes) {
  std::vector<std::string> texts;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; b += 1 + a % 7) {
      texts.push_back({static_cast<char>(a), static_cast<char>(b)});
    }
  }
  texts.push_back(std::string(4096, 'x'));
  std::vector<PieceTrie::Piece> pieces;
  for (size_t i = 0; i < texts.size(); ++i)
    pieces.push_back({texts[i], static_cast<int32_t>(i), 0});
  PieceTrie trie;
  EXPECT_EQ(trie.Find("a"), -1);
  trie.Build(pieces, "test");
  for (size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(trie.Find(texts[i]), static_cast<int32_t>(i));
  EXPECT_EQ(trie.Find("x"), -1);
  EXPECT_EQ(trie.Find(""), -1);
  EXPECT_EQ(trie.Find(std::string(4097, 'x')), -1);
  EXPECT_EQ(trie.Find({"\x01\x01", 2}), -1);
}

TEST(Unigram, HugeWordsCanBeStopped) {
  const auto model = ModelOf(kUnigramModel);
  std::stop_source source;
  source.request_stop();
  const std::stop_token stop = source.get_token();
  std::vector<ModelToken> tokens;
  const auto error = test::ErrorOf([&] { model->Tokenize("aaa", &stop, &tokens); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace bge::tokenizer
