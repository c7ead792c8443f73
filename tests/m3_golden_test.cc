// BGE-M3's three kinds of vectors, and their scores, are FlagEmbedding's (tests/data/golden/
// tiny-m3.json, written by tools/oracle/make_tiny_heads.py).
#include "bge/embedder.h"
#include "bge/error.h"
#include "bge/representations.h"

#include "base/file.h"
#include "base/json.h"
#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bge {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr float kTolerance = 2e-5f;
constexpr Representations kAll = {.dense = true, .sparse = true, .colbert = true};

fs::path ModelDirectory() { return fs::path(BGE_TEST_DATA_DIR) / "models/tiny-m3"; }

std::vector<float> Floats(json::Value array) {
  std::vector<float> values;
  array.ForEachElement(
      [&](json::Value value) { values.push_back(static_cast<float>(value.AsDouble())); });
  return values;
}

float LargestDifference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

class M3 : public testing::Test {
 protected:
  static const json::Value& Golden() {
    static const auto document =
        json::Document::Load((fs::path(BGE_TEST_DATA_DIR) / "golden/tiny-m3.json").string());
    static const json::Value root = document->root();
    return root;
  }
  static std::vector<std::string> Texts() {
    std::vector<std::string> texts;
    for (const json::Value& row : Golden().At("texts").Elements()) {
      texts.emplace_back(row.At("text").AsString());
    }
    return texts;
  }
  static const Embedder& Model() {
    static const Embedder embedder = Embedder::Load(ModelDirectory().string(), {.threads = 2});
    return embedder;
  }
};

TEST_F(M3, GivesFlagEmbeddingsVectors) {
  const TextRepresentations found = Model().EncodeAll(Texts(), kAll);
  const auto rows = Golden().At("texts").Elements();
  ASSERT_EQ(found.lexical_weights.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(rows[i].At("text").AsString());
    EXPECT_LT(
        LargestDifference(found.dense_vecs[static_cast<int64_t>(i)], Floats(rows[i].At("dense"))),
        kTolerance);
    std::map<int32_t, float> expected;
    for (const auto& [id, weight] : rows[i].At("sparse").Members()) {
      expected[std::stoi(std::string(id))] = static_cast<float>(weight.AsDouble());
    }
    const SparseVector& sparse = found.lexical_weights[i];
    ASSERT_EQ(sparse.token_ids.size(), expected.size());
    size_t n = 0;
    for (const auto& [id, weight] : expected) {
      EXPECT_EQ(sparse.token_ids[n], id);
      EXPECT_NEAR(sparse.weights[n++], weight, kTolerance);
    }
    const MultiVector& colbert = found.colbert_vecs[i];
    const auto vectors = rows[i].At("colbert").Elements();
    ASSERT_EQ(colbert.count(), static_cast<int64_t>(vectors.size()));
    for (size_t v = 0; v < vectors.size(); ++v) {
      EXPECT_LT(LargestDifference(colbert[static_cast<int64_t>(v)], Floats(vectors[v])),
                kTolerance);
    }
  }
}

TEST_F(M3, GivesFlagEmbeddingsScores) {
  const std::vector<float> weights = Floats(Golden().At("weights"));
  for (const json::Value& row : Golden().At("scores").Elements()) {
    const std::vector<std::string> query = {std::string(row.At("query").AsString())};
    const std::vector<std::string> passage = {std::string(row.At("passage").AsString())};
    const M3Scores scores =
        ComputeM3Scores(Model().EncodeAll(query, kAll), 0, Model().EncodeAll(passage, kAll), 0,
                        {weights[0], weights[1], weights[2]});
    const auto expect = [&](float found, const char* kind) {
      EXPECT_NEAR(found, row.At(kind).AsDouble(), kTolerance) << kind;
    };
    expect(scores.dense, "dense");
    expect(scores.sparse, "sparse");
    expect(scores.colbert, "colbert");
    expect(scores.sparse_dense, "sparse+dense");
    expect(scores.colbert_sparse_dense, "colbert+sparse+dense");
  }
}

TEST_F(M3, AnyKindAloneIsTheSame) {
  const std::vector<std::string> texts = Texts();
  const TextRepresentations all = Model().EncodeAll(texts, kAll);
  const TextRepresentations dense = Model().EncodeAll(texts, {.dense = true});
  EXPECT_LT(LargestDifference(dense.dense_vecs.values, all.dense_vecs.values), 1e-6f);
  EXPECT_TRUE(dense.lexical_weights.empty());
  EXPECT_TRUE(dense.colbert_vecs.empty());
  const TextRepresentations sparse = Model().EncodeAll(texts, {.dense = false, .sparse = true});
  EXPECT_EQ(sparse.dense_vecs.count, 0);
  EXPECT_EQ(sparse.lexical_weights[3].token_ids, all.lexical_weights[3].token_ids);
  const TextRepresentations colbert = Model().EncodeAll(texts, {.dense = false, .colbert = true});
  EXPECT_EQ(colbert.colbert_vecs[3].values, all.colbert_vecs[3].values);
}

TEST_F(M3, TruncateDimCutsDenseAndColbertBeforeTheyAreNormalised) {
  const std::vector<std::string> texts = {"the quick brown fox"};
  const TextRepresentations cut = Model().EncodeAll(texts, kAll, {.truncate_dim = 8});
  const TextRepresentations raw = Model().EncodeAll(texts, kAll, {.normalize = false});
  EXPECT_EQ(cut.dense_vecs.dimension, 8);
  ASSERT_EQ(cut.colbert_vecs[0].dimension, 8);
  for (int64_t v = 0; v < cut.colbert_vecs[0].count(); ++v) {
    const auto whole = raw.colbert_vecs[0][v];
    double norm = 0;
    for (size_t i = 0; i < 8; ++i) norm += static_cast<double>(whole[i]) * whole[i];
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_NEAR(cut.colbert_vecs[0][v][i], whole[i] / std::sqrt(norm), 1e-6);
    }
  }
}

TEST_F(M3, EqualTextsShareTheirVectors) {
  const std::vector<std::string> texts = {"a fox", "bread", "a fox"};
  const TextRepresentations found = Model().EncodeAll(texts, kAll);
  EXPECT_EQ(found.lexical_weights[0].weights, found.lexical_weights[2].weights);
  EXPECT_EQ(found.colbert_vecs[0].values, found.colbert_vecs[2].values);
  EXPECT_NE(found.colbert_vecs[0].values, found.colbert_vecs[1].values);
}

TEST_F(M3, SaysWhatItIs) {
  const ModelInfo& info = Model().info();
  EXPECT_TRUE(info.heads.dense && info.heads.sparse && info.heads.colbert);
  EXPECT_EQ(info.colbert_dimension, 16);
  EXPECT_THAT(info.files, testing::IsSupersetOf({"sparse_linear.pt", "colbert_linear.pt"}));
  EXPECT_THAT(info.pooling_source, HasSubstr("BAAI/bge-m3"));
}

TEST_F(M3, AHeadThatIsAskedForAndAbsentIsAnError) {
  const test::TempDir dir;
  const fs::path model = dir.path() / "model";
  fs::copy(ModelDirectory(), model);
  fs::remove(model / "sparse_linear.pt");
  const Embedder embedder = Embedder::Load(model.string());
  const std::vector<std::string> texts = {"a"};
  EXPECT_FALSE(embedder.info().heads.sparse);
  EXPECT_THAT(test::Thrown([&] { return embedder.EncodeAll(texts, kAll); }),
              HasSubstr("the model has no sparse head: "));
  EXPECT_THAT(test::Thrown([&] { return embedder.EncodeAll(texts, {.dense = false}); }),
              HasSubstr("no kind of vector is asked for"));
  // A head that does not belong to the model.
  fs::copy(fs::path(BGE_TEST_DATA_DIR) / "torch/tensors.pt", model / "sparse_linear.pt");
  std::vector<std::string> warnings;
  const Embedder damaged = Embedder::Load(
      model.string(), {.on_warning = [&](std::string_view w) { warnings.emplace_back(w); }});
  EXPECT_THAT(warnings, testing::ElementsAre(HasSubstr("sparse_linear.pt")));
  EXPECT_EQ(damaged.EncodeAll(texts, {.dense = true}).dense_vecs.count, 1);
  EXPECT_THAT(test::Thrown([&] { return damaged.EncodeAll(texts, kAll); }),
              HasSubstr("sparse_linear.pt"));
}

TEST(Scores, OfVectorsByHand) {
  const SparseVector a = {{2, 5, 9}, {0.5f, 1.0f, 2.0f}};
  const SparseVector b = {{1, 5, 9, 11}, {3.0f, 0.25f, 0.5f, 1.0f}};
  EXPECT_EQ(LexicalMatchingScore(a, b), 1.25f);
  EXPECT_EQ(LexicalMatchingScore(a, {}), 0.0f);
  const MultiVector query = {2, {1, 0, 0, 1}};
  const MultiVector passage = {2, {-1, -0.5f, -0.5f, -1}};
  EXPECT_EQ(ColbertScore(query, passage), -0.5f);
  EXPECT_EQ(ColbertScore(query, passage, ColbertClamp::kZero), 0.0f);
  EXPECT_EQ(ColbertScore(query, {}), 0.0f);
  const MultiVector other = {3, {1, 0, 0}};
  EXPECT_THAT(test::Thrown([&] { return ColbertScore(query, other); }), HasSubstr("2 and 3"));
}

}  // namespace
}  // namespace bge
