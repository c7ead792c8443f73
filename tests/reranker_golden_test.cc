// Rerankers score as FlagEmbedding's FlagReranker and sentence-transformers' CrossEncoder do
// (tests/data/golden/tiny-*reranker.json, written by tools/oracle/make_tiny_heads.py, and
// tiny-reranker-transformers4.json by make_pairs_golden.py).
#include "bge/error.h"
#include "bge/reranker.h"

#include "base/file.h"
#include "base/json.h"
#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace bge {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr double kTolerance = 1e-5;

fs::path Data(const std::string& path) { return fs::path(BGE_TEST_DATA_DIR) / path; }

std::shared_ptr<const json::Document> Golden(const std::string& model) {
  return json::Document::Load(Data("golden/" + model + ".json").string());
}

// Calls check(reranker, row) for each row of a golden list, under each of its maximum lengths. The
// golden file has the model's name unless another is given.
template <typename Check>
void ForEachRow(const std::string& model, const char* list, PairStyle style, size_t expected_rows,
                Check&& check, const std::string& golden_name = "") {
  const auto golden = Golden(golden_name.empty() ? model : golden_name);
  const Reranker reranker =
      Reranker::Load(Data("models/" + model).string(), {.threads = 2, .pair_style = style});
  size_t rows = 0;
  for (const json::Value& row : golden->root().At(list).Elements()) {
    SCOPED_TRACE(std::string(row.At("query").AsString()) + " | " +
                 std::string(row.At("passage").AsString()) + " | " +
                 std::to_string(row.At("max_length").AsInt()));
    check(reranker, row);
    ++rows;
  }
  EXPECT_EQ(rows, expected_rows);
}

float ScoreOf(const Reranker& reranker, json::Value row, std::optional<bool> normalize = {}) {
  const TextPair pair = {row.At("query").AsString(), row.At("passage").AsString()};
  RerankOptions options = {.normalize = normalize, .max_length = row.At("max_length").AsInt()};
  if (const auto limit = row.Find("query_max_length")) options.query_max_length = limit->AsInt();
  return reranker.ComputeScore({&pair, 1}, options)[0];
}

TEST(Reranker, ScoresAsFlagReranker) {
  ForEachRow("tiny-reranker", "flag_embedding", PairStyle::kFlagEmbedding, 12,
             [](const Reranker& reranker, json::Value row) {
               const double expected = row.At("score").AsDouble();
               EXPECT_NEAR(ScoreOf(reranker, row), expected, kTolerance);
               EXPECT_NEAR(ScoreOf(reranker, row, true), 1 / (1 + std::exp(-expected)), kTolerance);
             });
}

// There the tokens of both texts are put together as they are; an empty passage is one.
TEST(Reranker, ScoresAsFlagRerankerOnTransformers4) {
  const auto check = [](const Reranker& reranker, json::Value row) {
    EXPECT_NEAR(ScoreOf(reranker, row), row.At("score").AsDouble(), kTolerance);
  };
  ForEachRow("tiny-reranker", "flag_embedding", PairStyle::kFlagEmbedding, 90, check,
             "tiny-reranker-transformers4");
}

TEST(Reranker, ScoresAsCrossEncoder) {
  for (const char* model : {"tiny-reranker", "tiny-bert-reranker", "tiny-mpnet-reranker"}) {
    ForEachRow(model, "cross_encoder", PairStyle::kCrossEncoder, 16,
               [](const Reranker& reranker, json::Value row) {
                 EXPECT_NEAR(ScoreOf(reranker, row), row.At("score").AsDouble(), kTolerance);
                 EXPECT_NEAR(ScoreOf(reranker, row, false), row.At("logit").AsDouble(), kTolerance);
               });
  }
}

// It scores the mean of all tokens or, where config.json says so, the first one.
TEST(Reranker, ScoresOfModernBert) {
  const test::TempDir dir;
  const fs::path by_first_token = dir.path() / "model";
  fs::copy(Data("models/tiny-modernbert-reranker"), by_first_token);
  std::string config = ReadFile(by_first_token / "config.json", 1 << 20);
  const std::string pooling = R"("classifier_pooling": "mean")";
  ASSERT_NE(config.find(pooling), std::string::npos);
  config.replace(config.find(pooling), pooling.size(), R"("classifier_pooling": "cls")");
  std::ofstream(by_first_token / "config.json") << config;

  const auto golden = Golden("tiny-modernbert-reranker");
  const auto expect_scores = [&](const fs::path& model, const std::string& list, PairStyle style) {
    const Reranker reranker = Reranker::Load(model.string(), {.threads = 2, .pair_style = style});
    for (const json::Value& row : golden->root().At(list).Elements()) {
      SCOPED_TRACE(list + " " + std::string(row.At("query").AsString()) + " | " +
                   std::string(row.At("passage").AsString()));
      EXPECT_NEAR(ScoreOf(reranker, row), row.At("score").AsDouble(), kTolerance);
    }
  };
  const fs::path by_mean = Data("models/tiny-modernbert-reranker");
  expect_scores(by_mean, "flag_embedding", PairStyle::kFlagEmbedding);
  expect_scores(by_mean, "cross_encoder", PairStyle::kCrossEncoder);
  expect_scores(by_first_token, "flag_embedding_cls", PairStyle::kFlagEmbedding);
  expect_scores(by_first_token, "cross_encoder_cls", PairStyle::kCrossEncoder);
}

TEST(Reranker, WhatAModernBertHeadDoesNotHaveIsNamed) {
  const test::TempDir dir;
  const auto thrown = [&dir](const std::string& from, const std::string& to) {
    const fs::path model = dir.path() / "model";
    fs::remove_all(model);
    fs::copy(Data("models/tiny-modernbert-reranker"), model);
    std::string config = ReadFile(model / "config.json", 1 << 20);
    EXPECT_NE(config.find(from), std::string::npos) << from;
    config.replace(config.find(from), from.size(), to);
    std::ofstream(model / "config.json") << config;
    return test::Thrown([&] { return Reranker::Load(model.string()); });
  };
  EXPECT_THAT(thrown(R"("classifier_pooling": "mean")", R"("classifier_pooling": "max")"),
              HasSubstr("unknown pooling \"max\""));
  EXPECT_THAT(thrown(R"("classifier_activation": "gelu")", R"("classifier_activation": "mish")"),
              HasSubstr("field classifier_activation"));
  // Weights that do not go with the file.
  EXPECT_THAT(thrown(R"("hidden_size": 24)", R"("hidden_size": 20)"), HasSubstr("expected"));
}

TEST(Reranker, ALimitOfQueriesBelongsToFlagEmbeddingsStyle) {
  const Reranker reranker = Reranker::Load(Data("models/tiny-bert-reranker").string());
  const std::vector<std::string> passages = {"a map"};
  EXPECT_THAT(test::Thrown([&] {
                return reranker.ComputeScore("a fox", passages, {.query_max_length = 2});
              }),
              HasSubstr("option without effect: query_max_length"));
}

TEST(Reranker, KnowsItsStyleByTheDirectory) {
  const Reranker plain = Reranker::Load(Data("models/tiny-reranker").string());
  EXPECT_EQ(plain.info().pair_style, PairStyle::kFlagEmbedding);
  EXPECT_EQ(plain.info().max_length, 64);
  const Reranker old_layout = Reranker::Load(Data("models/tiny-bert-reranker").string());
  EXPECT_EQ(old_layout.info().pair_style, PairStyle::kCrossEncoder);
  EXPECT_EQ(old_layout.info().activation, "identity");
  EXPECT_THAT(old_layout.info().activation_source,
              HasSubstr("sbert_ce_default_activation_function"));
}

class RerankerDirectory : public testing::Test {
 protected:
  RerankerDirectory() { fs::copy(Data("models/tiny-reranker"), model_); }
  void Write(const char* file, std::string_view text) const {
    std::ofstream(model_ / file) << text;
  }
  std::string LoadingThrows() const {
    return test::Thrown([&] { return Reranker::Load(model_.string()); });
  }

  const test::TempDir dir_;
  const fs::path model_ = dir_.path() / "model";
};

TEST_F(RerankerDirectory, OfTheNewLayout) {
  Write("modules.json", R"([{"idx":0,"name":"0","path":"",)"
                        R"("type":"sentence_transformers.base.modules.transformer.Transformer"}])");
  Write("sentence_bert_config.json",
        R"({"transformer_task":"sequence-classification","module_output_name":"scores",)"
        R"("modality_config":{"text":{"method":"forward","method_output_name":"logits"}}})");
  Write("config_sentence_transformers.json",
        R"({"model_type":"CrossEncoder","activation_fn":"torch.nn.modules.activation.Tanh",)"
        R"("prompts":{"ask":"search: "},"default_prompt_name":"ask"})");
  const Reranker reranker = Reranker::Load(model_.string());
  EXPECT_EQ(reranker.info().pair_style, PairStyle::kCrossEncoder);
  EXPECT_EQ(reranker.info().activation, "tanh");
  EXPECT_EQ(reranker.info().default_prompt, "search: ");
  const std::vector<std::string> passages = {"a map"};
  const RerankOptions raw = {.normalize = false, .instruction = ""};
  const float logit = reranker.ComputeScore("search: a fox", passages, raw)[0];
  EXPECT_NEAR(reranker.ComputeScore("a fox", passages)[0], std::tanh(logit), 1e-6);
}

TEST_F(RerankerDirectory, OfAnotherKindIsRefused) {
  Write("config_sentence_transformers.json", R"({"model_type":"SparseEncoder"})");
  EXPECT_THAT(LoadingThrows(), HasSubstr("found \"SparseEncoder\", expected \"CrossEncoder\""));
  Write("config_sentence_transformers.json", R"({"activation_fn":"my.Own"})");
  EXPECT_THAT(LoadingThrows(), HasSubstr("unknown activation of scores"));
  fs::remove(model_ / "config_sentence_transformers.json");
  fs::copy(Data("models/tiny-m3/config.json"), model_ / "config.json",
           fs::copy_options::overwrite_existing);
  EXPECT_THAT(LoadingThrows(), HasSubstr("not a reranker"));
  EXPECT_THAT(test::Thrown([] { return Reranker::Load(Data("models/tiny-m3").string()); }),
              HasSubstr("expected ...ForSequenceClassification"));
  Write("modules.json", R"([{"path":"","type":"sentence_transformers.models.Transformer"},)"
                        R"({"path":"1_Pooling","type":"sentence_transformers.models.Pooling"}])");
  EXPECT_THAT(LoadingThrows(), HasSubstr("sentence_transformers.models.Pooling\", which makes "
                                         "vectors of texts: embed with it"));
}

TEST(Reranker, ManyPassagesAreAsEachAlone) {
  const Reranker reranker = Reranker::Load(Data("models/tiny-reranker").string(), {.threads = 3});
  std::vector<std::string> passages;
  for (int i = 0; i < 200; ++i) {
    std::string passage = "map";
    for (int w = 0; w < i % 23; ++w) passage += w % 3 == i % 3 ? " fox" : " river";
    passages.push_back(passage);
  }
  const std::vector<float> all = reranker.ComputeScore("what is a map", passages);
  for (const size_t i : {0u, 1u, 22u, 23u, 77u, 199u}) {
    EXPECT_NEAR(reranker.ComputeScore("what is a map", {&passages[i], 1})[0], all[i], 1e-6) << i;
  }
  const auto best = reranker.Rank("what is a map", passages, 5);
  ASSERT_EQ(best.size(), 5u);
  EXPECT_EQ(best[0].score, *std::max_element(all.begin(), all.end()));
  for (size_t i = 1; i < best.size(); ++i) {
    EXPECT_TRUE(best[i - 1].score > best[i].score ||
                (best[i - 1].score == best[i].score && best[i - 1].index < best[i].index));
  }
  EXPECT_TRUE(reranker.Rank("x", {}).empty());
}

// The same passage with two queries must not count as one repeated text.
TEST(Reranker, OnePassageWithTwoQueriesHasTwoScores) {
  const Reranker reranker = Reranker::Load(Data("models/tiny-reranker").string());
  const TextPair pairs[] = {{"a fox", "the map"}, {"bread", "the map"}, {"a fox", "the map"}};
  const std::vector<float> scores = reranker.ComputeScore(pairs);
  EXPECT_NE(scores[0], scores[1]);
  EXPECT_EQ(scores[0], scores[2]);
}

TEST(Reranker, BestWindowFindsWhatTheCutWouldLose) {
  const Reranker reranker = Reranker::Load(Data("models/tiny-reranker").string());
  const std::vector<std::string> shorter = {"a map of the city"};
  const RerankOptions windows = {.max_length = 24, .best_window = true};
  // What fits is one window.
  EXPECT_EQ(reranker.ComputeScore("what is it", shorter, windows),
            reranker.ComputeScore("what is it", shorter, {.max_length = 24}));
  // Of a long passage each window is scored as if it stood alone.
  std::vector<std::string> words;
  for (int i = 0; i < 60; ++i) words.push_back(i % 7 == 3 ? "vitamin" : i % 2 == 0 ? "dog" : "sea");
  std::string passage;
  for (const std::string& word : words) passage += word + " ";
  // 24 tokens less 4 special ones and 3 of the query: windows of 17 tokens, 8 apart.
  const size_t room = 17;
  float best = -INFINITY;
  const auto tokens = reranker.tokenizer().Encode(passage, {.add_special_tokens = false}).ids;
  for (size_t begin = 0;; begin += 8) {
    const size_t from = std::min(begin, tokens.size() - room);
    const std::vector<int32_t> part(tokens.begin() + static_cast<ptrdiff_t>(from),
                                    tokens.begin() + static_cast<ptrdiff_t>(from + room));
    const std::vector<std::string> text = {reranker.tokenizer().Decode(part)};
    best = std::max(best, reranker.ComputeScore("what is it", text, {.max_length = 24})[0]);
    if (begin + room >= tokens.size()) break;
  }
  EXPECT_NEAR(reranker.ComputeScore("what is it", {&passage, 1}, windows)[0], best, 1e-6);
}

TEST(Reranker, LengthsOutOfRangeAreErrors) {
  const Reranker reranker = Reranker::Load(Data("models/tiny-reranker").string());
  const std::vector<std::string> passages = {"a"};
  const auto thrown = [&](const RerankOptions& options) {
    return test::Thrown([&] { return reranker.ComputeScore("q", passages, options); });
  };
  EXPECT_THAT(thrown({.max_length = 5}), HasSubstr("found 5, expected 6 to 64"));
  EXPECT_THAT(thrown({.max_length = 65}), HasSubstr("max_length out of range"));
  EXPECT_THAT(thrown({.max_length = 20, .query_max_length = 16}),
              HasSubstr("query_max_length out of range: found 16, expected 1 to 15"));
  EXPECT_EQ(thrown({.max_length = 6}), "no error");
}

}  // namespace
}  // namespace bge
