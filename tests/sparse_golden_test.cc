// Sparse encoders give sentence-transformers' vectors (tests/data/golden/tiny-splade.json and its
// like, written by tools/oracle/make_tiny_sparse.py), and damaged ones clear errors.
#include "bge/embedder.h"
#include "bge/error.h"
#include "bge/identity.h"
#include "bge/representations.h"

#include "base/file.h"
#include "base/json.h"
#include "base/json_text.h"
#include "tests/expect_error.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr float kTolerance = 2e-5f;
constexpr Representations kSparse = {.dense = false, .sparse = true};
constexpr const char* kModels[] = {"tiny-splade", "tiny-doc-sparse", "tiny-splade-sum",
                                   "tiny-static-sparse"};
constexpr const char* kQueries = "query_0_SparseStaticEmbedding";

fs::path ModelDirectory(const std::string& name) {
  return fs::path(BGE_TEST_DATA_DIR) / "models" / name;
}

std::shared_ptr<const json::Document> Golden(const std::string& name) {
  return json::Document::Load((fs::path(BGE_TEST_DATA_DIR) / "golden" / (name + ".json")).string());
}

std::vector<std::string> Strings(json::Value array) {
  std::vector<std::string> strings;
  array.ForEachElement([&](json::Value value) { strings.emplace_back(value.AsString()); });
  return strings;
}

std::map<int32_t, float> WeightsOf(json::Value object) {
  std::map<int32_t, float> weights;
  object.ForEachMember([&](std::string_view id, json::Value weight) {
    weights[std::stoi(std::string(id))] = static_cast<float>(weight.AsDouble());
  });
  return weights;
}

std::map<int32_t, float> WeightsOf(const SparseVector& vector) {
  std::map<int32_t, float> weights;
  for (size_t i = 0; i < vector.token_ids.size(); ++i) {
    weights[vector.token_ids[i]] = vector.weights[i];
  }
  return weights;
}

// The largest difference of any weight, relative to those above 1; what one of them lacks is zero.
float LargestDifference(std::map<int32_t, float> a, std::map<int32_t, float> b) {
  for (const auto& [id, weight] : a) b.try_emplace(id, 0.0f);
  for (const auto& [id, weight] : b) a.try_emplace(id, 0.0f);
  float largest = 0;
  for (const auto& [id, weight] : a) {
    const float difference = std::abs(weight - b[id]) / std::max(1.0f, std::abs(weight));
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

EncodeOptions OptionsOf(json::Value options) {
  EncodeOptions result;
  if (const auto task = options.Find("task")) {
    result.role = task->AsString() == "query" ? Role::kQuery : Role::kDocument;
  }
  if (const auto dims = options.Find("max_active_dims")) result.max_active_dims = dims->AsInt();
  return result;
}

void ExpectGolden(const Embedder& embedder, json::Value run) {
  SCOPED_TRACE(run.At("run").AsString());
  const std::vector<std::string> texts = Strings(run.At("texts"));
  const auto found = embedder.EncodeAll(texts, kSparse, OptionsOf(run.At("options")));
  const auto expected = run.At("vectors").Elements();
  ASSERT_EQ(found.lexical_weights.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const SparseVector& vector = found.lexical_weights[i];
    EXPECT_LT(LargestDifference(WeightsOf(vector), WeightsOf(expected[i])), kTolerance) << texts[i];
    EXPECT_TRUE(std::is_sorted(vector.token_ids.begin(), vector.token_ids.end()));
    EXPECT_EQ(vector.weights.size(), vector.token_ids.size());
  }
}

// A copy of a model that a test changes.
class Copy {
 public:
  explicit Copy(const std::string& name) {
    fs::copy(ModelDirectory(name), path(), fs::copy_options::recursive);
  }
  fs::path path() const { return dir_.path() / "model"; }
  void Write(const std::string& relative, std::string_view content) const {
    dir_.Write(fs::path("model") / relative, content);
  }
  std::string Thrown() const {
    return test::Thrown([&] { return Embedder::Load(path().string()); });
  }

 private:
  test::TempDir dir_;
};

class SparseGolden : public testing::TestWithParam<const char*> {};

TEST_P(SparseGolden, GivesSparseEncodersVectors) {
  const auto golden = Golden(GetParam());
  const Embedder embedder = Embedder::Load(ModelDirectory(GetParam()).string(), {.threads = 2});
  const auto runs = golden->root().At("runs").Elements();
  ASSERT_GE(runs.size(), 2u);
  for (const json::Value& run : runs) ExpectGolden(embedder, run);
  EXPECT_EQ(embedder.info().similarity, golden->root().At("similarity").AsString());
  EXPECT_EQ(embedder.info().sparse_dimension, golden->root().At("dimension").AsInt());
}

TEST_P(SparseGolden, DoesNotDependOnBatchesAndThreads) {
  const auto golden = Golden(GetParam());
  const std::vector<std::string> texts =
      Strings(golden->root().At("runs").Elements()[0].At("texts"));
  const Embedder one = Embedder::Load(ModelDirectory(GetParam()).string(), {.threads = 1});
  const Embedder three = Embedder::Load(ModelDirectory(GetParam()).string(), {.threads = 3});
  for (const Role role : {Role::kQuery, Role::kDocument}) {
    const auto all = one.EncodeAll(texts, kSparse, {.role = role}).lexical_weights;
    const auto small =
        three.EncodeAll(texts, kSparse, {.role = role, .batch_tokens = 20}).lexical_weights;
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto alone = three.EncodeAll(std::span(texts).subspan(i, 1), kSparse, {.role = role});
      EXPECT_LT(LargestDifference(WeightsOf(all[i]), WeightsOf(small[i])), 1e-6f);
      EXPECT_LT(LargestDifference(WeightsOf(all[i]), WeightsOf(alone.lexical_weights[0])), 1e-6f);
    }
  }
}

// Tiny models are rounded more than large ones: their sums are of few numbers.
TEST_P(SparseGolden, NarrowTypesComeNear) {
  const auto run = Golden(GetParam());
  const json::Value first = run->root().At("runs").Elements()[0];
  const std::vector<std::string> texts = Strings(first.At("texts"));
  const EncodeOptions all = {.max_active_dims = 100000};
  const auto exact = Embedder::Load(ModelDirectory(GetParam()).string())
                         .EncodeAll(texts, kSparse, all)
                         .lexical_weights;
  for (const ComputeChoice type : {ComputeChoice::kBFloat16, ComputeChoice::kInt8}) {
    const Embedder embedder =
        Embedder::Load(ModelDirectory(GetParam()).string(), {.compute_type = type});
    const auto found = embedder.EncodeAll(texts, kSparse, all).lexical_weights;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (exact[i].weights.empty()) {
        EXPECT_TRUE(found[i].weights.empty()) << texts[i];
        continue;
      }
      const float product = LexicalMatchingScore(found[i], exact[i]);
      const float norms = std::sqrt(LexicalMatchingScore(found[i], found[i]) *
                                    LexicalMatchingScore(exact[i], exact[i]));
      EXPECT_GT(product, 0.98f * norms) << texts[i];
    }
  }
}

std::string NameOf(const testing::TestParamInfo<const char*>& model) {
  std::string name = model.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, SparseGolden, testing::ValuesIn(kModels), NameOf);

TEST(SparseEncoder, SaysWhatItIs) {
  const ModelInfo splade = Embedder::Load(ModelDirectory("tiny-splade").string()).info();
  EXPECT_TRUE(splade.heads.sparse && !splade.heads.dense && !splade.heads.colbert);
  EXPECT_EQ(splade.dimension, 0);
  EXPECT_EQ(splade.sparse_dimension, splade.vocab_size);
  EXPECT_EQ(splade.sparse_pooling, "max");
  EXPECT_EQ(splade.sparse_activation, "relu");
  EXPECT_EQ(splade.pooling_source, "1_SpladePooling/config.json");
  EXPECT_THAT(splade.modules, ElementsAre("MLMTransformer", "SpladePooling"));
  EXPECT_EQ(splade.query_instruction, "query: ");
  EXPECT_EQ(splade.query_weights, "");
  const ModelInfo router = Embedder::Load(ModelDirectory("tiny-doc-sparse").string()).info();
  EXPECT_EQ(router.query_weights, kQueries);
  EXPECT_EQ(router.sparse_activation, "log1p_relu");
  EXPECT_THAT(router.modules, ElementsAre("Router"));
  EXPECT_THAT(router.files, testing::Contains(std::string(kQueries) + "/model.safetensors"));
  const ModelInfo sum = Embedder::Load(ModelDirectory("tiny-splade-sum").string()).info();
  EXPECT_EQ(sum.sparse_pooling, "sum");
  EXPECT_EQ(sum.max_active_dims, 24);
  EXPECT_EQ(sum.similarity, "dot");
}

TEST(SparseEncoder, MakesNoDenseVectors) {
  const Embedder embedder = Embedder::Load(ModelDirectory("tiny-splade").string());
  EXPECT_THAT(test::Thrown([&] { return embedder.Encode("a"); }),
              AllOf(StartsWith("unsupported: the model makes no dense vectors"),
                    HasSubstr("--return sparse")));
  const std::vector<std::string> texts = {"a"};
  EXPECT_THAT(
      test::Thrown([&] { return embedder.EncodeAll(texts, kSparse, {.max_active_dims = 0}); }),
      StartsWith("invalid_argument: max_active_dims out of range"));
  EXPECT_THAT(test::Thrown([&] { return embedder.EncodeAll(texts, kSparse, {.truncate_dim = 4}); }),
              StartsWith("invalid_argument: option without effect: truncate_dim"));
  EXPECT_THAT(
      test::Thrown([&] { return embedder.EncodeAll(texts, kSparse, {.normalize = false}); }),
      StartsWith("invalid_argument: option without effect: normalize"));
  const Embedder dense = Embedder::Load(ModelDirectory("tiny-bert").string());
  EXPECT_THAT(test::Thrown([&] { return dense.Encode("a", {.max_active_dims = 4}); }),
              StartsWith("invalid_argument: option without effect: max_active_dims"));
}

TEST(SparseEncoder, QueriesHaveNoWordsThatDocumentsLack) {
  const Copy copy("tiny-doc-sparse");
  const int64_t words = Embedder::Load(copy.path().string()).info().vocab_size;
  std::string tokenizer = ReadFile(copy.path() / kQueries / "tokenizer.json", 1 << 20);
  const std::string at = "\"vocab\": {";
  ASSERT_NE(tokenizer.find(at), std::string::npos);
  tokenizer.insert(tokenizer.find(at) + at.size(), "\"zzz\": " + std::to_string(words) + ", ");
  copy.Write(std::string(kQueries) + "/tokenizer.json", tokenizer);
  test::SafetensorsBuilder weights;
  weights.AddFilled("weight", {words + 1}, 1.0f);
  copy.Write(std::string(kQueries) + "/model.safetensors", weights.File());
  EXPECT_THAT(test::Thrown([&] { return Embedder::Load(copy.path().string()); }),
              AllOf(StartsWith("corrupt_data: queries have weights of more words than documents"),
                    HasSubstr("found " + std::to_string(words + 1))));
}

// As a file of tokens.
std::string IdfOf(json::Value weights) {
  std::string idf = "{";
  weights.ForEachMember([&](std::string_view token, json::Value weight) {
    idf += idf == "{" ? "" : ",";
    json::AppendString(token, &idf);
    idf += ':';
    idf += std::to_string(weight.AsDouble());
  });
  return idf + "}";
}

TEST(SparseEncoder, WeightsOfQueriesMayBeInJson) {
  const Copy copy("tiny-doc-sparse");
  const auto golden = Golden("tiny-doc-sparse");
  const std::string idf = IdfOf(golden->root().At("idf"));
  fs::remove(copy.path() / kQueries / "model.safetensors");
  copy.Write(std::string(kQueries) + "/config.json", R"({"frozen":true,"path":"idf.json"})");
  for (const std::string& place : {std::string("idf.json"), kQueries + std::string("/idf.json")}) {
    copy.Write(place, idf);
    const Embedder embedder = Embedder::Load(copy.path().string());
    EXPECT_EQ(embedder.info().query_weights, place);
    ExpectGolden(embedder, golden->root().At("idf_runs").Elements()[0]);
  }
}

TEST(SparseEncoder, WeightsOfTokensMayBeAll) {
  const Copy copy("tiny-static-sparse");
  const Embedder embedder = Embedder::Load(copy.path().string());
  const ModelInfo& info = embedder.info();
  EXPECT_TRUE(info.heads.sparse && !info.heads.dense && !info.heads.colbert);
  EXPECT_EQ(info.architecture, "none");
  EXPECT_EQ(info.num_layers, 0);
  EXPECT_EQ(info.num_parameters, 288);
  EXPECT_EQ(info.max_length, 12);
  EXPECT_EQ(info.max_length_source, "tokenizer_config.json model_max_length");
  EXPECT_EQ(info.query_weights, ".");
  EXPECT_EQ(info.sparse_pooling, "");
  EXPECT_THAT(info.files, testing::IsSupersetOf({"modules.json", "config.json", "tokenizer.json",
                                                 "model.safetensors"}));
  EXPECT_EQ(embedder.threads(), Embedder::Load(ModelDirectory("tiny-splade").string()).threads());
  const int32_t ids[] = {5, 6};
  const int32_t cu_seqlens[] = {0, 2};
  EXPECT_THAT(
      test::Thrown([&] { return embedder.HiddenStates({.ids = ids, .cu_seqlens = cu_seqlens}); }),
      AllOf(StartsWith("unsupported: the model has no hidden states"),
            HasSubstr(copy.path().string())));
  EXPECT_THAT(test::Thrown([&] { return embedder.Encode("a"); }),
              StartsWith("unsupported: the model makes no dense vectors"));
  // In a folder of its own, without a config.json, and with a caller's length.
  for (const char* file : {"config.json", "tokenizer.json", "tokenizer_config.json"}) {
    fs::create_directory(copy.path() / "0_Static");
    fs::rename(copy.path() / file, copy.path() / "0_Static" / file);
  }
  fs::rename(copy.path() / "model.safetensors", copy.path() / "0_Static/model.safetensors");
  fs::remove(copy.path() / "0_Static/config.json");
  copy.Write("modules.json", R"([{"idx":0,"name":"0","path":"0_Static","type":)"
                             R"("sentence_transformers.models.SparseStaticEmbedding"}])");
  const auto golden = Golden("tiny-static-sparse");
  for (const json::Value& run : golden->root().At("runs").Elements()) {
    ExpectGolden(Embedder::Load(copy.path().string()), run);
  }
  const std::vector<std::string> texts = {"a map of the river"};
  const Embedder two = Embedder::Load(copy.path().string(), {.max_length = 2});
  EXPECT_EQ(two.EncodeAll(texts, kSparse, {}).lexical_weights[0].token_ids.size(), 2u);
  const auto tokens = [](const Embedder& model, const EncodeOptions& options) {
    const std::vector<std::string> text = {"a b c d e f g h i j k l m n o p q r s t"};
    return model.EncodeAll(text, kSparse, options).lexical_weights[0].token_ids.size();
  };
  const Embedder fifteen = Embedder::Load(copy.path().string(), {.max_length = 15});
  EXPECT_EQ(fifteen.info().max_length, 15);
  EXPECT_EQ(tokens(fifteen, {}), 15u);
  EXPECT_EQ(tokens(fifteen, {.max_length = 18}), 18u);
  EXPECT_EQ(tokens(two, {.role = Role::kQuery, .max_length = 3}), 3u);
  EXPECT_EQ(tokens(two, {.max_length = 1}), 1u);  // there are no special tokens to hold
  EXPECT_THAT(test::Thrown([&] { return tokens(two, {.max_length = 0}); }),
              StartsWith("invalid_argument: max_length out of range: found 0, expected at least 1 "
                         "for "));
  EXPECT_FALSE(two.info().has_transformer);
  fs::remove(copy.path() / "0_Static/model.safetensors");
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("not_found: "), HasSubstr("0_Static")));
}

TEST(SparseEncoder, WeightsOfTokensAreFinite) {
  const Copy copy("tiny-static-sparse");
  std::string file = ReadFile(copy.path() / "model.safetensors", 1 << 20);
  const float infinite = -std::numeric_limits<float>::infinity();
  file.replace(file.size() - 2 * sizeof(float), sizeof(float),
               std::string(reinterpret_cast<const char*>(&infinite), sizeof(float)));
  copy.Write("model.safetensors", file);
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: weights are not finite: "),
                                   HasSubstr("tensor weight: element 286: found -inf")));
}

TEST(SparseEncoder, ATransformerOfNoLayersIsOne) {
  const Copy copy("tiny-splade");
  std::string config = ReadFile(copy.path() / "config.json", 1 << 20);
  const std::string layers = "\"num_hidden_layers\": 2";
  ASSERT_NE(config.find(layers), std::string::npos);
  config.replace(config.find(layers), layers.size(), "\"num_hidden_layers\": 0");
  copy.Write("config.json", config);
  const ModelInfo info = Embedder::Load(copy.path().string()).info();
  EXPECT_EQ(info.num_layers, 0);
  EXPECT_TRUE(info.has_transformer);
  EXPECT_EQ(info.architecture, "BertForMaskedLM");
}

TEST(SparseEncoder, ATokenizerThatIsAllIsReadOnce) {
  const Copy copy("tiny-static-sparse");
  std::string config = ReadFile(copy.path() / "tokenizer_config.json", 1 << 20);
  config.insert(config.rfind('}'), ",\"do_lower_case\":false");
  copy.Write("tokenizer_config.json", config);
  std::vector<std::string> warnings;
  Embedder::Load(copy.path().string(),
                 {.on_warning = [&](std::string_view w) { warnings.emplace_back(w); }});
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("tokenizer_config.json")));
}

TEST(SparseEncoder, WeightsOfTokensMayBeAllInJson) {
  const Copy copy("tiny-static-sparse");
  const auto golden = Golden("tiny-static-sparse");
  fs::remove(copy.path() / "model.safetensors");
  copy.Write("config.json", R"({"frozen":true,"path":"idf.json"})");
  copy.Write("idf.json", IdfOf(golden->root().At("idf")));
  const Embedder embedder = Embedder::Load(copy.path().string());
  EXPECT_EQ(embedder.info().query_weights, "idf.json");
  ExpectGolden(embedder, golden->root().At("idf_runs").Elements()[0]);
  const auto identity = IdentifyModel(embedder.info(), HashFiles::kWhereNeeded);
  ASSERT_TRUE(identity.has_value());
  // Other weights are another space.
  copy.Write("idf.json", R"({"river":1.5})");
  const auto other =
      IdentifyModel(Embedder::Load(copy.path().string()).info(), HashFiles::kWhereNeeded);
  ASSERT_TRUE(other.has_value());
  EXPECT_NE(identity->space, other->space);
}

TEST(SparseEncoder, ADirectoryWithoutModulesIsDenseUnlessItSaysOtherwise) {
  const Copy copy("tiny-splade");
  const auto golden = Golden("tiny-splade");
  const json::Value run = golden->root().At("runs").Elements()[0];
  fs::remove(copy.path() / "modules.json");
  // config_sentence_transformers.json calls it a SparseEncoder.
  ExpectGolden(Embedder::Load(copy.path().string()), run);
  fs::remove(copy.path() / "config_sentence_transformers.json");
  std::vector<std::string> warnings;
  const Embedder dense = Embedder::Load(
      copy.path().string(), {.on_warning = [&](std::string_view w) { warnings.emplace_back(w); }});
  EXPECT_TRUE(dense.info().heads.dense);
  EXPECT_FALSE(dense.info().heads.sparse);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("--splade")));
  const Embedder splade = Embedder::Load(copy.path().string(), {.splade = true});
  ExpectGolden(splade, run);
  EXPECT_EQ(splade.info().pooling_source, "the caller's option");
  EXPECT_EQ(splade.info().query_instruction, "");
  EXPECT_THAT(test::Thrown([] {
                return Embedder::Load(ModelDirectory("tiny-bert").string(), {.splade = true});
              }),
              StartsWith("invalid_argument: the model is no SPLADE model: "));
}

TEST(SparseEncoder, TextsOfNoRoleTakeTheDefaultRoute) {
  const Copy copy("tiny-doc-sparse");
  const std::vector<std::string> texts = {"the quick brown fox"};
  const auto weights = [&](const std::string& parameters, Role role) {
    std::string router = ReadFile(copy.path() / "router_config.json", 1 << 20);
    const size_t begin = router.find("\"parameters\"");
    const size_t end = router.find('}', begin) + 1;
    router.replace(begin, end - begin, "\"parameters\": " + parameters);
    copy.Write("router_config.json", router);
    return Embedder::Load(copy.path().string())
        .EncodeAll(texts, kSparse, {.role = role})
        .lexical_weights[0]
        .weights;
  };
  const auto query = weights(R"({"default_route": "document"})", Role::kQuery);
  const auto document = weights(R"({"default_route": "document"})", Role::kDocument);
  EXPECT_NE(query, document);
  EXPECT_EQ(weights(R"({"default_route": "document"})", Role::kNone), document);
  EXPECT_EQ(weights(R"({"default_route": "query"})", Role::kNone), query);
  EXPECT_EQ(weights(R"({"allow_empty_key": true})", Role::kNone), query);  // the first
  EXPECT_EQ(weights(R"({"default_route": null, "allow_empty_key": false})", Role::kQuery), query);
  EXPECT_THAT(test::Thrown([&] {
                return weights(R"({"default_route": null, "allow_empty_key": false})", Role::kNone);
              }),
              StartsWith("invalid_argument: neither queries nor documents: "));
}

// The tensors of a model, to be written with changes.
test::SafetensorsBuilder Tensors(const fs::path& file, const std::string& left_out,
                                 std::optional<std::vector<int64_t>> shape = std::nullopt) {
  const auto source = OpenSafetensors(file);
  test::SafetensorsBuilder builder;
  for (const std::string& name : source->Names()) {
    const auto view = source->Find(name);
    if (name == left_out && !shape) continue;
    std::vector<int64_t> dims;
    for (int i = 0; i < view->shape.rank(); ++i) dims.push_back(view->shape[i]);
    std::vector<float> values = ToFloat32(*view);
    if (name == left_out) {
      dims = *shape;
      int64_t count = 1;
      for (const int64_t d : dims) count *= d;
      values.resize(static_cast<size_t>(count));
    }
    builder.AddFloats(name, dims, values);
  }
  return builder;
}

TEST(SparseEncoder, HeadsThatAreAbsentOrMisshapenAreErrors) {
  const std::pair<const char*, const char*> tensors[] = {
      {"tiny-splade", "cls.predictions.transform.dense.weight"},
      {"tiny-splade", "cls.predictions.transform.dense.bias"},
      {"tiny-splade", "cls.predictions.transform.LayerNorm.weight"},
      {"tiny-splade", "cls.predictions.bias"},
      {"tiny-doc-sparse", "vocab_transform.weight"},
      {"tiny-doc-sparse", "vocab_layer_norm.bias"},
      {"tiny-doc-sparse", "vocab_projector.bias"},
      {"tiny-splade-sum", "lm_head.dense.weight"},
      {"tiny-splade-sum", "lm_head.layer_norm.weight"},
      {"tiny-splade-sum", "lm_head.bias"}};
  for (const auto& [model, tensor] : tensors) {
    SCOPED_TRACE(tensor);
    const Copy copy(model);
    const fs::path file = copy.path() / "model.safetensors";
    const fs::path whole = ModelDirectory(model) / "model.safetensors";
    copy.Write("model.safetensors", Tensors(whole, tensor).File());
    EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: tensor is absent: "),
                                     HasSubstr("model.safetensors"), HasSubstr(tensor)));
    copy.Write("model.safetensors", Tensors(whole, tensor, std::vector<int64_t>{3}).File());
    EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: tensor has another shape: "),
                                     HasSubstr(tensor), HasSubstr("found [3]")));
  }
  // A decoder may be absent, but must fit where it is there; or must be there where it is not tied.
  const Copy copy("tiny-splade");
  const fs::path whole = ModelDirectory("tiny-splade") / "model.safetensors";
  const char* const decoder = "cls.predictions.decoder.weight";
  copy.Write("model.safetensors", Tensors(whole, decoder, std::vector<int64_t>{288, 31}).File());
  EXPECT_THAT(copy.Thrown(), HasSubstr("found [288, 31], expected [288, 32]"));
  copy.Write("model.safetensors", Tensors(whole, decoder).File());
  EXPECT_EQ(copy.Thrown(), "no error");
  std::string config = ReadFile(copy.path() / "config.json", 1 << 20);
  const size_t tie = config.find("\"tie_word_embeddings\": true");
  ASSERT_NE(tie, std::string::npos);
  config.replace(tie, 27, "\"tie_word_embeddings\": false");
  copy.Write("config.json", config);
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: tensor is absent"),
                                   HasSubstr("cls.predictions.decoder.weight")));
}

TEST(SparseEncoder, ABiasThatIsNotFiniteIsAnError) {
  const Copy copy("tiny-splade");
  const auto source = OpenSafetensors(ModelDirectory("tiny-splade") / "model.safetensors");
  test::SafetensorsBuilder builder =
      Tensors(ModelDirectory("tiny-splade") / "model.safetensors", "cls.predictions.bias");
  std::vector<float> bias = ToFloat32(*source->Find("cls.predictions.bias"));
  bias[7] = NAN;
  builder.AddFloats("cls.predictions.bias", {288}, bias);
  copy.Write("model.safetensors", builder.File());
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: weights are not finite"),
                                   HasSubstr("cls.predictions.bias: element 7")));
}

TEST(SparseEncoder, DamagedWeightsOfQueriesAreErrors) {
  const Copy copy("tiny-doc-sparse");
  const std::string folder = std::string(kQueries) + "/";
  const auto write = [&](std::vector<int64_t> dims, const std::vector<float>& values,
                         const char* name = "weight") {
    test::SafetensorsBuilder builder;
    copy.Write(folder + "model.safetensors", builder.AddFloats(name, dims, values).File());
  };
  write({7}, std::vector<float>(7));
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: tensor has another shape: "),
                                   HasSubstr(kQueries), HasSubstr("expected [288]")));
  write({288, 1}, std::vector<float>(288));
  EXPECT_THAT(copy.Thrown(), StartsWith("corrupt_data: tensor has another shape: "));
  write({288}, std::vector<float>(288, INFINITY));
  EXPECT_THAT(copy.Thrown(), StartsWith("corrupt_data: weights are not finite"));
  write({288}, std::vector<float>(288), "other");
  EXPECT_THAT(copy.Thrown(), StartsWith("corrupt_data: tensor is absent: "));
  copy.Write(folder + "model.safetensors", "x");
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: "), HasSubstr(kQueries)));
  fs::remove(copy.path() / kQueries / "model.safetensors");
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("not_found: "), HasSubstr(kQueries)));
  copy.Write(folder + "config.json", R"({"path":"idf.json"})");
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: "), HasSubstr("idf.json")));
  for (const char* idf : {"[]", "{", "{}", R"({"cat":"x"})", R"({"cat":null})", R"({"cat":NaN})",
                          R"({"cat":1e39})", "3"}) {
    copy.Write(folder + "idf.json", idf);
    EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("corrupt_data: "), HasSubstr("idf.json"))) << idf;
  }
  fs::remove(copy.path() / kQueries / "tokenizer.json");
  EXPECT_THAT(copy.Thrown(), AllOf(StartsWith("not_found: "), HasSubstr(kQueries)));
}

}  // namespace
}  // namespace bge
