// Token vectors and their scores are MultiVectorEncoder's (tests/data/golden/tiny-colbert*.json,
// written by tools/oracle/make_tiny_colbert.py), of each layout and in each way that queries and
// documents are read.
#include "bge/embedder.h"
#include "bge/error.h"
#include "bge/late_interaction.h"
#include "bge/quantize.h"

#include "base/file.h"
#include "base/json.h"
#include "tests/expect_error.h"
#include "tests/model_copy.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace bge {
namespace {

namespace fs = std::filesystem;
using test::ModelCopy;
using testing::AllOf;
using testing::HasSubstr;

constexpr float kTolerance = 2e-5f;
constexpr Representations kColbert = {.dense = false, .colbert = true};
constexpr std::pair<const char*, Role> kRoles[] = {
    {"query", Role::kQuery}, {"document", Role::kDocument}, {"none", Role::kNone}};

fs::path Data(const std::string& path) { return fs::path(BGE_TEST_DATA_DIR) / path; }

float LargestDifference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

std::vector<float> Flat(json::Value rows) {
  std::vector<float> values;
  rows.ForEachElement([&](json::Value row) {
    row.ForEachElement(
        [&](json::Value value) { values.push_back(static_cast<float>(value.AsDouble())); });
  });
  return values;
}

std::string LoadError(const ModelCopy& copy) {
  return test::Thrown([&] { return Embedder::Load(copy.name()).dimension(); });
}

class Colbert : public testing::TestWithParam<const char*> {
 protected:
  static std::shared_ptr<const json::Document> Golden(const std::string& name) {
    return json::Document::Load(Data("golden/" + name + ".json").string());
  }
  // The model of a case: its files are written over those of the directory.
  static ModelCopy Copy(const std::string& name, json::Value of_case) {
    ModelCopy copy(name);
    if (const auto files = of_case.Find("write")) copy.WriteAll(*files);
    return copy;
  }
  static std::vector<std::string> Texts(json::Value of_case) {
    std::vector<std::string> texts;
    for (const json::Value& row : of_case.At("texts").Elements()) {
      texts.emplace_back(row.At("text").AsString());
    }
    return texts;
  }
  static void ExpectVectors(const Embedder& embedder, json::Value of_case, float tolerance) {
    const std::vector<std::string> texts = Texts(of_case);
    for (const auto& [name, role] : kRoles) {
      const auto found = embedder.EncodeAll(texts, kColbert, {.role = role}).colbert_vecs;
      ASSERT_EQ(found.size(), texts.size());
      for (size_t i = 0; i < texts.size(); ++i) {
        SCOPED_TRACE(std::string(name) + ": " + texts[i]);
        const std::vector<float> expected = Flat(of_case.At("texts").Elements()[i].At(name));
        ASSERT_EQ(found[i].values.size(), expected.size());
        EXPECT_LT(LargestDifference(found[i].values, expected), tolerance);
      }
    }
  }

  // The vectors of each role before they have a length of one: of four values, which may all be
  // near zero, that is no measure of what rounding does.
  using OfRoles = std::vector<std::vector<float>>;
  static OfRoles Unnormalized(const std::string& model, ComputeChoice type,
                              const std::vector<std::string>& texts) {
    const Embedder embedder = Embedder::Load(model, {.compute_type = type});
    OfRoles of_roles;
    for (const auto& [name, role] : kRoles) {
      std::vector<float>& all = of_roles.emplace_back();
      for (const MultiVector& text :
           embedder.EncodeAll(texts, kColbert, {.role = role, .normalize = false}).colbert_vecs) {
        all.insert(all.end(), text.values.begin(), text.values.end());
      }
    }
    return of_roles;
  }
  static std::vector<std::string> FirstTexts() {
    return Texts(Golden(GetParam())->root().At("cases").Elements().front());
  }

  // How far values may be off, as a part of the usual length of a vector.
  struct Error {
    double largest;
    double mean;
  };
  static constexpr Error kBFloat16Error = {0.1, 0.01};
  static Error Int8Error() {
    // ModernBERT's layers add what they round to a stream that nothing normalises between them.
    const bool adds_up = std::string_view(GetParam()) == "tiny-colbert-modernbert";
    return adds_up ? Error{0.5, 0.1} : Error{0.2, 0.03};
  }
  static void ExpectNear(const OfRoles& found, const OfRoles& exact, const Error& error) {
    ASSERT_EQ(found.size(), exact.size());
    for (size_t role = 0; role < exact.size(); ++role) {
      SCOPED_TRACE(kRoles[role].first);
      ASSERT_EQ(found[role].size(), exact[role].size());
      double squares = 0;
      double most = 0;
      double sum = 0;
      for (size_t i = 0; i < exact[role].size(); ++i) {
        const double apart = std::abs(static_cast<double>(found[role][i]) - exact[role][i]);
        squares += static_cast<double>(exact[role][i]) * exact[role][i];
        most = std::max(most, apart);
        sum += apart;
      }
      constexpr double kDimension = 4;
      const auto count = static_cast<double>(exact[role].size());
      const double length = std::sqrt(squares / (count / kDimension));
      EXPECT_LT(most / length, error.largest);
      EXPECT_LT(sum / count / length, error.mean);
    }
  }
};

TEST_P(Colbert, GivesMultiVectorEncodersVectorsAndScores) {
  const auto golden = Golden(GetParam());
  for (const json::Value& of_case : golden->root().At("cases").Elements()) {
    SCOPED_TRACE(of_case.At("name").AsString());
    const ModelCopy copy = Copy(GetParam(), of_case);
    const Embedder embedder = Embedder::Load(copy.path().string(), {.threads = 2});
    EXPECT_EQ(embedder.info().similarity, of_case.At("similarity").AsString());
    ExpectVectors(embedder, of_case, kTolerance);

    const std::vector<std::string> texts = Texts(of_case);
    const auto queries = embedder.EncodeAll(texts, kColbert, {.role = Role::kQuery}).colbert_vecs;
    const auto passages =
        embedder.EncodeAll(texts, kColbert, {.role = Role::kDocument}).colbert_vecs;
    const bool mean = embedder.info().similarity == "meanmaxsim";
    for (size_t q = 0; q < texts.size(); ++q) {
      const auto scores = of_case.At("scores").Elements()[q].Elements();
      for (size_t p = 0; p < texts.size(); ++p) {
        // Upstream has minus infinity, or zero, for a text that has no vectors.
        if (queries[q].count() == 0 || passages[p].count() == 0) continue;
        const float score =
            mean ? ColbertScore(queries[q], passages[p]) : MaxSim(queries[q], passages[p]);
        EXPECT_NEAR(score, scores[p].AsDouble(), 1e-4) << texts[q] << " / " << texts[p];
      }
    }
  }
}

TEST_P(Colbert, ScoresPairsInAnyOrderAndNumber) {
  const auto golden = Golden(GetParam());
  for (const json::Value& of_case : golden->root().At("cases").Elements()) {
    SCOPED_TRACE(of_case.At("name").AsString());
    const ModelCopy copy = Copy(GetParam(), of_case);
    EXPECT_TRUE(IsLateInteraction(copy.name()));
    const Embedder embedder = Embedder::Load(copy.name(), {.threads = 2});
    const std::vector<std::string> texts = Texts(of_case);
    const auto queries = embedder.EncodeAll(texts, kColbert, {.role = Role::kQuery}).colbert_vecs;
    const auto passages =
        embedder.EncodeAll(texts, kColbert, {.role = Role::kDocument}).colbert_vecs;
    // Every pair, each a few times, so that there are several groups of queries and passages.
    std::vector<std::string> more_queries = texts;
    for (int i = 0; i < 300; ++i) more_queries.push_back("a map " + std::to_string(i));
    std::vector<TextPair> pairs;
    std::vector<std::pair<size_t, size_t>> of_pairs;
    for (int repeat = 0; repeat < 2; ++repeat) {
      for (const std::string& query : more_queries) {
        const auto q = static_cast<size_t>(&query - more_queries.data());
        for (size_t p = 0; p < texts.size(); ++p) {
          pairs.push_back({query, texts[p]});
          of_pairs.emplace_back(q, p);
        }
      }
    }
    EncodeStats stats;
    int64_t progress = 0;
    const std::vector<float> scores = LateInteractionScores(
        embedder, pairs, {.progress = [&](int64_t done, int64_t) { progress = done; }}, &stats);
    ASSERT_EQ(scores.size(), pairs.size());
    EXPECT_EQ(progress, std::ssize(pairs));
    EXPECT_LT(stats.texts, 700);  // each of them once in a group
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto [q, p] = of_pairs[i];
      if (q >= texts.size() || queries[q].count() == 0 || passages[p].count() == 0) continue;
      EXPECT_NEAR(scores[i], of_case.At("scores").Elements()[q].Elements()[p].AsDouble(), 1e-4);
      const float alone = LateInteractionScores(embedder, std::span(&pairs[i], 1))[0];
      EXPECT_NEAR(scores[i], alone, 1e-6f * static_cast<float>(queries[q].count()));
    }
  }
}

TEST(LateInteraction, NeedsAModelOfTokenVectors) {
  const std::string dense = Data("models/tiny-bert").string();
  EXPECT_FALSE(IsLateInteraction(dense));
  EXPECT_FALSE(IsLateInteraction("no/such/model"));
  const Embedder embedder = Embedder::Load(dense);
  const TextPair pair = {"a", "b"};
  EXPECT_THAT(
      test::Thrown([&] { return LateInteractionScores(embedder, std::span(&pair, 1)).size(); }),
      AllOf(HasSubstr("unsupported"), HasSubstr("tiny-bert")));
  const Embedder colbert = Embedder::Load(Data("models/tiny-colbert").string());
  EXPECT_TRUE(LateInteractionScores(colbert, {}).empty());
  const std::string query = "what ";
  const TextPair prompted = {"map", "a map"};
  const TextPair same = {"what map", "a map"};
  EXPECT_EQ(LateInteractionScores(colbert, std::span(&prompted, 1), {.instruction = query})[0],
            LateInteractionScores(colbert, std::span(&same, 1), {.instruction = ""})[0]);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(test::Thrown([&] {
                return LateInteractionScores(colbert, std::span(&pair, 1),
                                             {.stop = stop.get_token()})
                    .size();
              }),
              HasSubstr("cancelled"));
}

TEST_P(Colbert, AnyBatchAndThreadsGiveTheSame) {
  const auto golden = Golden(GetParam());
  const std::vector<std::string> texts = Texts(golden->root().At("cases").Elements().front());
  const std::string path = Data(std::string("models/") + GetParam()).string();
  for (const ComputeChoice type :
       {ComputeChoice::kFloat32, ComputeChoice::kBFloat16, ComputeChoice::kInt8}) {
    const Embedder one = Embedder::Load(path, {.threads = 1, .compute_type = type});
    const Embedder three = Embedder::Load(path, {.threads = 3, .compute_type = type});
    for (const auto& [name, role] : kRoles) {
      SCOPED_TRACE(name);
      const auto all =
          three.EncodeAll(texts, kColbert, {.role = role, .batch_tokens = 1000}).colbert_vecs;
      for (size_t i = 0; i < texts.size(); ++i) {
        const std::vector<std::string> alone = {texts[i]};
        EXPECT_LE(
            LargestDifference(one.EncodeAll(alone, kColbert, {.role = role}).colbert_vecs[0].values,
                              all[i].values),
            1e-6f);
      }
    }
  }
}

// Of vectors before they are made of length 1, which would show what one of next to no length has
// lost many times larger than it is: by how many of their lengths numbers differ.
TEST_P(Colbert, NarrowTypesComeNear) {
  const std::vector<std::string> texts = FirstTexts();
  const std::string path = Data(std::string("models/") + GetParam()).string();
  const auto exact = Unnormalized(path, ComputeChoice::kFloat32, texts);
  ExpectNear(Unnormalized(path, ComputeChoice::kBFloat16, texts), exact, kBFloat16Error);
  ExpectNear(Unnormalized(path, ComputeChoice::kInt8, texts), exact, Int8Error());
}

// Its weights are the model's but for their rounding: computed in float32 they give the golden
// vectors, as near as that lets them. In the type that they are computed in unless another is
// asked for, they come as near as the model does in that type.
TEST_P(Colbert, AQuantizedDirectoryLoads) {
  const test::TempDir dir;
  const auto golden = Golden(GetParam());
  const json::Value as_saved = golden->root().At("cases").Elements().front();
  const std::string path = Data(std::string("models/") + GetParam()).string();
  const auto exact = Unnormalized(path, ComputeChoice::kFloat32, FirstTexts());
  for (const auto& [type, tolerance, error] :
       {std::tuple(WeightType::kFloat16, 0.05f, kBFloat16Error),
        std::tuple(WeightType::kInt8, 0.3f, Int8Error())}) {
    SCOPED_TRACE(static_cast<int>(type));
    const fs::path to = dir.path() / ("model" + std::to_string(static_cast<int>(type)));
    Quantize(path, to, {.type = type});
    ExpectVectors(Embedder::Load(to.string(), {.compute_type = ComputeChoice::kFloat32}), as_saved,
                  tolerance);
    ExpectNear(Unnormalized(to.string(), ComputeChoice::kDefault, FirstTexts()), exact, error);
  }
}

TEST_P(Colbert, MakesNothingElse) {
  const std::string path = Data(std::string("models/") + GetParam()).string();
  const Embedder embedder = Embedder::Load(path);
  const ModelInfo& info = embedder.info();
  EXPECT_TRUE(info.heads.colbert);
  EXPECT_FALSE(info.heads.dense || info.heads.sparse);
  EXPECT_EQ(info.colbert_dimension, 4);
  EXPECT_EQ(embedder.dimension(), 0);
  EXPECT_EQ(info.document_length, 40);
  EXPECT_THAT(info.document_length_source, HasSubstr("doc"));
  EXPECT_EQ(info.query_expansion_token, "[MASK]");
  EXPECT_EQ(info.query_expansion_length, info.query_length);
  const std::vector<std::string> texts = {"a"};
  EXPECT_THAT(test::Thrown([&] { return embedder.Encode("a").size(); }),
              AllOf(HasSubstr("makes no dense vectors"), HasSubstr("--return colbert")));
  EXPECT_THAT(test::Thrown([&] {
                return embedder.EncodeAll(texts, {.dense = false, .sparse = true}).stats.texts;
              }),
              HasSubstr("no sparse head"));
  EXPECT_THAT(test::Thrown([&] {
                return embedder.EncodeAll(texts, kColbert, {.truncate_dim = 5}).stats.texts;
              }),
              HasSubstr("found 5, expected 1 to 4"));
  EXPECT_THAT(
      test::Thrown([&] { return Embedder::Load(path, {.pooling = Pooling::kCls}).threads(); }),
      HasSubstr("makes no dense vectors"));
  const auto cut = embedder.EncodeAll(texts, kColbert, {.truncate_dim = 3}).colbert_vecs[0];
  EXPECT_EQ(cut.dimension, 3);
}

TEST_P(Colbert, ACallersLengthHoldsButForWhatIsFilledUp) {
  const Embedder embedder = Embedder::Load(Data(std::string("models/") + GetParam()).string());
  const std::vector<std::string> texts = {"the city and the river and the mountain in the water"};
  const auto count = [&](Role role, std::optional<int64_t> length) {
    const EncodeOptions options = {.role = role, .max_length = length};
    return embedder.EncodeAll(texts, kColbert, options).colbert_vecs[0].count();
  };
  EXPECT_EQ(count(Role::kQuery, 5), embedder.info().query_length);
  EXPECT_EQ(count(Role::kQuery, {}), embedder.info().query_length);
  EXPECT_EQ(count(Role::kDocument, 6), 6);
  EXPECT_EQ(count(Role::kNone, 6), 6);
}

INSTANTIATE_TEST_SUITE_P(All, Colbert,
                         testing::Values("tiny-colbert", "tiny-colbert-pylate",
                                         "tiny-colbert-stanford", "tiny-colbert-modernbert"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(DamagedColbert, ProjectionsThatDoNotFit) {
  const ModelCopy stanford("tiny-colbert-stanford");
  stanford.Write("config.json",
                 R"({"architectures":["HF_ColBERT"],"model_type":"bert","hidden_size":12})");
  EXPECT_NE(LoadError(stanford), "no error");

  const ModelCopy pylate("tiny-colbert-pylate");
  const auto write_projection = [&](const char* name, const std::vector<int64_t>& shape) {
    test::SafetensorsBuilder builder;
    builder.AddFilled(name, shape, 0.5f);
    pylate.Write("1_Dense/model.safetensors", builder.File());
  };
  write_projection("linear.weight", {4, 15});
  EXPECT_THAT(LoadError(pylate),
              AllOf(HasSubstr("corrupt_data"), HasSubstr("linear.weight"), HasSubstr("15")));
  write_projection("linear.weight", {64});
  EXPECT_THAT(LoadError(pylate), AllOf(HasSubstr("corrupt_data"), HasSubstr("linear.weight")));
  write_projection("other", {4, 16});
  EXPECT_THAT(LoadError(pylate), AllOf(HasSubstr("corrupt_data"), HasSubstr("linear.weight")));
  pylate.Write("1_Dense/model.safetensors", "not one");
  EXPECT_THAT(LoadError(pylate), HasSubstr("1_Dense/model.safetensors"));
  pylate.Write("1_Dense/config.json", R"({"in_features":12,"out_features":4,"bias":false})");
  EXPECT_THAT(LoadError(pylate), AllOf(HasSubstr("1_Dense/config.json"), HasSubstr("in_features"),
                                       HasSubstr("found 12, expected 16")));
}

TEST(DamagedColbert, AProjectionAmongTheEncodersWeights) {
  const ModelCopy copy("tiny-colbert-stanford");
  std::string file;
  {
    const auto mapped = MappedFile::Open(copy.path() / "model.safetensors");
    const auto bytes = mapped->bytes();
    file.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const std::string name = "\"linear.weight\"";
  const size_t at = file.find(name);
  ASSERT_NE(at, std::string::npos);
  std::string renamed = file;
  renamed.replace(at, name.size(), "\"linear.waight\"");
  copy.Write("model.safetensors", renamed);
  EXPECT_THAT(LoadError(copy), AllOf(HasSubstr("corrupt_data"), HasSubstr("linear.weight")));
  std::string reshaped = file;
  const std::string shape = "[4,16]";
  const size_t shape_at = reshaped.find(shape, at);
  ASSERT_NE(shape_at, std::string::npos);
  reshaped.replace(shape_at, shape.size(), "[8, 8]");
  copy.Write("model.safetensors", reshaped);
  EXPECT_THAT(LoadError(copy),
              AllOf(HasSubstr("corrupt_data"), HasSubstr("linear.weight"), HasSubstr("16")));
}

TEST(DamagedColbert, TokensAndLengthsThatCannotBe) {
  const ModelCopy copy("tiny-colbert");
  const auto expand = [&](const std::string& expansion) {
    copy.Write("sentence_bert_config.json", R"({"query_expansion":)" + expansion + "}");
    return LoadError(copy);
  };
  EXPECT_THAT(expand(R"({"strategy":"fixed","length":12,"token":"[ABSENT]"})"),
              AllOf(HasSubstr("corrupt_data"), HasSubstr("\"[ABSENT]\", which is no token")));
  EXPECT_THAT(expand(R"({"strategy":"fixed","length":65})"),
              HasSubstr("found 65 tokens, expected 2 to 64"));
  EXPECT_THAT(expand(R"({"strategy":"fixed","length":1})"), HasSubstr("found 1 tokens"));
  copy.Write("sentence_bert_config.json", R"({"document_length":1})");
  EXPECT_THAT(LoadError(copy), AllOf(HasSubstr("document_length"), HasSubstr("at least 2")));
  copy.Write("sentence_bert_config.json", R"({"document_length":1000})");
  EXPECT_EQ(Embedder::Load(copy.path().string()).info().document_length, 64);
}

TEST(DamagedColbert, QueriesThatWouldBeFilledUpInFront) {
  const ModelCopy copy("tiny-colbert");
  copy.Write("tokenizer_config.json", R"({"padding_side":"left"})");
  EXPECT_THAT(LoadError(copy), AllOf(HasSubstr("unsupported"), HasSubstr("padding_side"),
                                     HasSubstr("expected \"right\"")));
}

TEST(DamagedColbert, WordsToSkipThatAreNoTokensAreReported) {
  std::vector<std::string> warnings;
  const Embedder embedder =
      Embedder::Load(Data("models/tiny-colbert").string(),
                     {.on_warning = [&](std::string_view text) { warnings.emplace_back(text); }});
  EXPECT_THAT(warnings, testing::ElementsAre(HasSubstr("no tokens are left out: absent")));
}

}  // namespace
}  // namespace bge
