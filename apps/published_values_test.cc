#include "apps/published_values.h"

#include "bge/error.h"
#include "bge/representations.h"

#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

namespace bge::cli {
namespace {

const std::string kModels = std::string(BGE_TEST_DATA_DIR) + "/models/";

PublishedComparison CompareOne(const PublishedValue& value, const Embedder& model) {
  const PublishedValue* const values[] = {&value};
  return ComparePublished(values, model).at(0);
}

TEST(PublishedValues, EveryFactIsWhole) {
  std::set<std::string> seen;
  for (const PublishedValue& value : PublishedTable()) {
    SCOPED_TRACE(Describe(value));
    EXPECT_NE(value.model.find('/'), std::string_view::npos);
    EXPECT_FALSE(value.text.empty());
    EXPECT_FALSE(value.values.empty());
    EXPECT_FALSE(value.source.empty());
    EXPECT_GT(value.tolerance, 0.0f);
    EXPECT_LE(value.tolerance, 2e-2f);
    for (const float each : value.values) EXPECT_TRUE(std::isfinite(each));
    const bool of_two = value.quantity != Quantity::kFirstValues &&
                        value.quantity != Quantity::kFirstRawValues &&
                        value.quantity != Quantity::kLastValues && value.quantity != Quantity::kSum;
    EXPECT_EQ(value.other.empty(), !of_two);
    if (of_two || value.quantity == Quantity::kSum) {
      EXPECT_EQ(value.values.size(), 1U);
    }
    const std::string key = std::string(value.model) + std::string(value.source) +
                            std::to_string(static_cast<int>(value.quantity)) +
                            std::string(value.text) + "/" + std::string(value.other);
    EXPECT_TRUE(seen.insert(key).second) << "twice";
  }
}

TEST(PublishedValues, AreFoundByFullAndShortNames) {
  EXPECT_FALSE(FindPublished("BAAI/bge-m3").empty());
  EXPECT_EQ(FindPublished("BAAI/bge-m3"), FindPublished("bge-m3"));
  EXPECT_TRUE(FindPublished("somebody/bge-m3").empty());
  EXPECT_TRUE(FindPublished("bge-m").empty());
  EXPECT_TRUE(FindPublished("").empty());
  for (const std::string_view name : PublishedModels()) EXPECT_FALSE(FindPublished(name).empty());
}

TEST(PublishedValues, OfDenseVectors) {
  const Embedder model = Embedder::Load(kModels + "tiny-bert");
  const std::vector<float> vector = model.Encode("hello world");
  const std::vector<float> other = model.Encode("a cat");
  const float sum = std::accumulate(vector.begin(), vector.end(), 0.0f);
  const float product = std::inner_product(vector.begin(), vector.end(), other.begin(), 0.0f);
  using enum Quantity;
  EXPECT_TRUE(
      CompareOne({"a/b", kFirstValues, "hello world", "", {vector[0], vector[1]}, 1e-6f, "x"},
                 model)
          .within());
  EXPECT_TRUE(
      CompareOne({"a/b", kLastValues, "hello world", "", {vector.back()}, 1e-6f, "x"}, model)
          .within());
  EXPECT_TRUE(CompareOne({"a/b", kSum, "hello world", "", {sum}, 1e-6f, "x"}, model).within());
  EXPECT_TRUE(CompareOne({"a/b", kSimilarity, "hello world", "a cat", {product}, 1e-6f, "x"}, model)
                  .within());
  const PublishedValue other_sum = {"a/b", kSum, "hello world", "", {sum + 0.01f}, 1e-3f, "x"};
  const auto off = CompareOne(other_sum, model);
  EXPECT_FALSE(off.within());
  EXPECT_NEAR(off.difference, 0.01f, 1e-5f);
  // More values than the vector has, and no number at all, are not within any tolerance.
  EXPECT_FALSE(
      CompareOne({"a/b", kFirstValues, "a", "", std::vector<float>(1000), 1e9f, "x"}, model)
          .within());
  EXPECT_FALSE(CompareOne({"a/b", kSum, "a", "", {std::nanf("")}, 1e9f, "x"}, model).within());
  EXPECT_THROW(CompareOne({"a/b", kLogit, "a", "b", {0}, 1, "x"}, model), Error);
  EXPECT_THROW(CompareOne({"a/b", kLexicalScore, "a", "b", {0}, 1, "x"}, model), Error);
}

TEST(PublishedValues, OfTheHeadsOfM3) {
  const Embedder model = Embedder::Load(kModels + "tiny-m3");
  const std::vector<std::string> texts = {"hello world", "hello cat"};
  const TextRepresentations made =
      model.EncodeAll(texts, {.dense = false, .sparse = true, .colbert = true});
  using enum Quantity;
  const float lexical = LexicalMatchingScore(made.lexical_weights[0], made.lexical_weights[1]);
  const float colbert = ColbertScore(made.colbert_vecs[0], made.colbert_vecs[1]);
  EXPECT_TRUE(CompareOne({"a/b", kLexicalScore, texts[0], texts[1], {lexical}, 1e-6f, "x"}, model)
                  .within());
  EXPECT_TRUE(CompareOne({"a/b", kColbertScore, texts[0], texts[1], {colbert}, 1e-6f, "x"}, model)
                  .within());
  const SparseVector& weights = made.lexical_weights[0];
  ASSERT_FALSE(weights.token_ids.empty());
  const auto token = model.tokenizer().IdToToken(weights.token_ids[0]);
  EXPECT_TRUE(
      CompareOne({"a/b", kLexicalWeight, texts[0], *token, {weights.weights[0]}, 1e-6f, "x"}, model)
          .within());
}

TEST(PublishedValues, OfScoresOfM3AndOfTokensByTheirIds) {
  const Embedder model = Embedder::Load(kModels + "tiny-m3");
  const std::vector<std::string> texts = {"hello world", "hello cat"};
  const TextRepresentations made =
      model.EncodeAll(texts, {.dense = true, .sparse = true, .colbert = true});
  using enum Quantity;
  const float dense = std::inner_product(made.dense_vecs.values.begin(),
                                         made.dense_vecs.values.begin() + model.dimension(),
                                         made.dense_vecs.values.begin() + model.dimension(), 0.0f);
  const float sparse = LexicalMatchingScore(made.lexical_weights[0], made.lexical_weights[1]);
  const float colbert = ColbertScore(made.colbert_vecs[0], made.colbert_vecs[1]);
  const float two = (0.2f * sparse + 0.4f * dense) / 0.6f;
  const float all = 0.2f * sparse + 0.4f * dense + 0.4f * colbert;
  EXPECT_TRUE(CompareOne({"a/b", kSparseDenseScore, texts[0], texts[1], {two}, 1e-6f, "x"}, model)
                  .within());
  EXPECT_TRUE(
      CompareOne({"a/b", kAllScore, texts[0], texts[1], {all}, 1e-6f, "x"}, model).within());
  const SparseVector& weights = made.lexical_weights[0];
  const std::string id = std::to_string(weights.token_ids.at(0));
  EXPECT_TRUE(
      CompareOne({"a/b", kLexicalWeightOfId, texts[0], id, {weights.weights[0]}, 1e-6f, "x"}, model)
          .within());
}

TEST(PublishedValues, OfVectorsThatAreNotNormalised) {
  const Embedder model = Embedder::Load(kModels + "tiny-bert");
  const std::vector<float> raw = model.Encode("hello world", {.normalize = false});
  EXPECT_TRUE(
      CompareOne(
          {"a/b", Quantity::kFirstRawValues, "hello world", "", {raw[0], raw[1]}, 1e-6f, "x"},
          model)
          .within());
}

// Digit by digit, where the developers' data is at hand.
TEST(PublishedValues, AreThoseOfTheData) {
  const std::string path =
      BGE_SHARED_DIR "/data/golden_embeddings/expected_outputs/expected_outputs.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
  const auto document = json::Document::Load(path, 1 << 20);
  std::set<float> known;
  for (const PublishedValue& value : PublishedTable()) {
    known.insert(value.values.begin(), value.values.end());
  }
  // What quantised copies, other exports and models that are not computed here give is left out.
  const std::set<std::string> left_out = {"bge_m3_quantised_rs", "lexical_weights_sentences_1"};
  int found = 0;
  int others = 0;
  const std::function<void(const json::Value&)> look = [&](const json::Value& value) {
    if (value.is_object()) {
      value.ForEachMember([&](std::string_view name, const json::Value& member) {
        if (!left_out.contains(std::string(name))) look(member);
      });
    } else if (value.is_array()) {
      for (const json::Value& element : value.Elements()) look(element);
    } else if (value.is_number()) {
      (known.contains(static_cast<float>(value.AsDouble())) ? found : others) += 1;
    }
  };
  for (const char* part : {"bge_m3_float", "bge_m3_readme"}) look(document->root().At(part));
  // The README's rounded products, which the tutorials give with more digits.
  EXPECT_EQ(others, 6);
  EXPECT_EQ(found,
            21 + 20 + 2);  // lexical weights, five kinds of scores of four pairs, lexical scores
  const json::Value first = document->root().At("fastembed").At("first5");
  first.ForEachMember([&](std::string_view name, const json::Value& values) {
    for (const PublishedValue* fact : FindPublished(name)) {
      if (!fact->source.starts_with("qdrant/fastembed") || fact->values.size() != 5) continue;
      for (size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(fact->values[i], static_cast<float>(values.Elements()[i].AsDouble())) << name;
      }
    }
  });
}

TEST(PublishedValues, OfRerankers) {
  const Reranker model = Reranker::Load(kModels + "tiny-reranker");
  RerankOptions raw;
  raw.normalize = false;
  const float logit = model.ComputeScore({TextPair{"a", "b"}}, raw)[0];
  const PublishedValue right = {"a/b", Quantity::kLogit, "a", "b", {logit}, 1e-6f, "x"};
  const PublishedValue wrong = {"a/b", Quantity::kSum, "a", "", {0}, 1, "x"};
  const PublishedValue* const values[] = {&right};
  EXPECT_TRUE(ComparePublished(values, model).at(0).within());
  const PublishedValue* const no_logits[] = {&wrong};
  EXPECT_THROW(ComparePublished(no_logits, model), Error);
}

}  // namespace
}  // namespace bge::cli
