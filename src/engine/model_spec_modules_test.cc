// modules.json and the configuration of each module, in every spelling.
#include "engine/model_spec.h"
#include "tests/expect_error.h"
#include "tests/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

using test::ModelDir;
using test::ModuleJson;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

ModelSpec Read(const ModelDir& dir) { return ReadModelSpec(dir.path(), nullptr); }
std::string Thrown(const ModelDir& dir) {
  return test::Thrown([&] { return Read(dir); });
}

// ------------------------------------------------------------------------------------- Pooling

struct PoolingCase {
  const char* name;
  const char* config;
  std::vector<Pooling> modes;
  bool include_prompt = true;
};
void PrintTo(const PoolingCase& c, std::ostream* os) { *os << c.name; }

class PoolingConfig : public testing::TestWithParam<PoolingCase> {};

TEST_P(PoolingConfig, IsReadAsSentenceTransformersDoes) {
  const ModelDir dir;
  dir.Write("1_Pooling/config.json", GetParam().config);
  const ModelSpec spec = Read(dir);
  const auto& pooling = std::get<PoolingModule>(spec.modules.at(0));
  EXPECT_EQ(pooling.modes, GetParam().modes);
  EXPECT_EQ(pooling.include_prompt, GetParam().include_prompt);
  EXPECT_EQ(pooling.source, "1_Pooling/config.json");
}

constexpr Pooling kCls = Pooling::kCls;
constexpr Pooling kMax = Pooling::kMax;
constexpr Pooling kMean = Pooling::kMean;
constexpr Pooling kSqrt = Pooling::kMeanSqrtLen;
constexpr Pooling kWeighted = Pooling::kWeightedMean;
constexpr Pooling kLast = Pooling::kLastToken;

INSTANTIATE_TEST_SUITE_P(
    All, PoolingConfig,
    testing::Values(
        PoolingCase{"OldCls",
                    R"({"word_embedding_dimension":8,"pooling_mode_cls_token":true,
                        "pooling_mode_mean_tokens":false,"pooling_mode_max_tokens":false,
                        "pooling_mode_mean_sqrt_len_tokens":false})",
                    {kCls}},
        PoolingCase{"OldMax", R"({"pooling_mode_max_tokens":true})", {kMax}},
        PoolingCase{"OldMean", R"({"pooling_mode_mean_tokens":true})", {kMean}},
        PoolingCase{"OldSqrt", R"({"pooling_mode_mean_sqrt_len_tokens":true})", {kSqrt}},
        PoolingCase{"OldWeighted", R"({"pooling_mode_weightedmean_tokens":true})", {kWeighted}},
        PoolingCase{"OldLast", R"({"pooling_mode_lasttoken":true})", {kLast}},
        PoolingCase{"OldAllInTheDocumentedOrder",
                    R"({"pooling_mode_lasttoken":true,"pooling_mode_weightedmean_tokens":true,
                        "pooling_mode_mean_sqrt_len_tokens":true,"pooling_mode_mean_tokens":true,
                        "pooling_mode_max_tokens":true,"pooling_mode_cls_token":true})",
                    {kCls, kMax, kMean, kSqrt, kWeighted, kLast}},
        PoolingCase{"OldMeanAndCls",
                    R"({"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":true})",
                    {kCls, kMean}},
        PoolingCase{"OldAllFalseIsMean",
                    R"({"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":false})",
                    {kMean}},
        PoolingCase{"NothingIsMean", "{}", {kMean}},
        PoolingCase{"UnknownKeysAreTolerated", R"({"something_new":{"a":1}})", {kMean}},
        PoolingCase{"AnUnknownModeThatIsOff", R"({"pooling_mode_attention":false})", {kMean}},
        PoolingCase{"NewCls",
                    R"({"embedding_dimension":8,"pooling_mode":"cls","include_prompt":true})",
                    {kCls}},
        PoolingCase{"NewMax", R"({"pooling_mode":"max"})", {kMax}},
        PoolingCase{"NewMean", R"({"pooling_mode":"mean"})", {kMean}},
        PoolingCase{"NewSqrt", R"({"pooling_mode":"mean_sqrt_len_tokens"})", {kSqrt}},
        PoolingCase{"NewWeighted", R"({"pooling_mode":"weightedmean"})", {kWeighted}},
        PoolingCase{"NewLast", R"({"pooling_mode":"lasttoken"})", {kLast}},
        PoolingCase{"NewListKeepsItsOrder", R"({"pooling_mode":["mean","cls"]})", {kMean, kCls}},
        PoolingCase{"NewListOfOne", R"({"pooling_mode":["max"]})", {kMax}},
        PoolingCase{"BothSpellingsTheNewOneCounts",
                    R"({"pooling_mode":"cls","pooling_mode_mean_tokens":true,
                        "word_embedding_dimension":8,"embedding_dimension":8})",
                    {kCls}},
        PoolingCase{
            "PromptLeftOut", R"({"pooling_mode":"mean","include_prompt":false})", {kMean}, false},
        PoolingCase{"OldPromptLeftOut",
                    R"({"pooling_mode_cls_token":true,"include_prompt":false})",
                    {kCls},
                    false}),
    testing::PrintToStringParamName());

TEST(PoolingConfigErrors, NameFileAndField) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"pooling_mode":"media"})", "unsupported: unknown pooling mode"},
      {R"({"pooling_mode":""})", "found \"\""},
      {R"({"pooling_mode":[]})", "found 0 pooling modes"},
      {R"({"pooling_mode":["cls",1]})", "field pooling_mode[1]"},
      {R"({"pooling_mode":null})", "field pooling_mode"},
      {R"({"pooling_mode":3})", "field pooling_mode"},
      {R"({"pooling_mode":["cls","cls","cls","cls","cls","cls","cls","cls","cls","cls","cls",)"
       R"("cls","cls","cls","cls","cls","cls"]})",
       "found 17 pooling modes"},
      {R"({"pooling_mode_cls_token":"true"})", "field pooling_mode_cls_token"},
      {R"({"pooling_mode_cls_token":1})", "field pooling_mode_cls_token"},
      {R"({"pooling_mode_attention":true})", "field pooling_mode_attention"},
      {R"({"include_prompt":"no"})", "field include_prompt"},
      {R"({"include_prompt":null})", "field include_prompt"},
      {R"({"word_embedding_dimension":7})", "found 7, expected 8, the hidden size"},
      {R"({"embedding_dimension":768})", "found 768, expected 8"},
      {R"({"embedding_dimension":"8"})", "field embedding_dimension"},
      {R"({"embedding_dimension":0})", "field embedding_dimension"},
      {"[]", "found an array, expected an object"},
  };
  for (const auto& [config, message] : cases) {
    const ModelDir dir;
    dir.Write("1_Pooling/config.json", config);
    EXPECT_THAT(Thrown(dir), AllOf(HasSubstr(message), HasSubstr("1_Pooling/config.json")))
        << config;
  }
}

TEST(PoolingConfigErrors, AbsentFileIsNamed) {
  const ModelDir dir;
  dir.Remove("1_Pooling");
  EXPECT_THAT(Thrown(dir), AllOf(StartsWith("not_found: "), HasSubstr("1_Pooling/config.json"),
                                 HasSubstr("modules.json lists a Pooling there")));
}

// --------------------------------------------------------------------------------- modules.json

TEST(ModulesJson, EveryKnownSpellingOfTypesIsRead) {
  const std::vector<std::string> transformers = {
      "sentence_transformers.models.Transformer",
      "sentence_transformers.models.Transformer.Transformer",
      "sentence_transformers.base.modules.transformer.Transformer"};
  const std::vector<std::string> poolings = {
      "sentence_transformers.models.Pooling", "sentence_transformers.models.Pooling.Pooling",
      "sentence_transformers.sentence_transformer.modules.pooling.Pooling"};
  const std::vector<std::string> normalizes = {
      "sentence_transformers.models.Normalize",
      "sentence_transformers.base.modules.normalize.Normalize",
      "sentence_transformers.sentence_transformer.modules.normalize.Normalize"};
  for (size_t i = 0; i < transformers.size(); ++i) {
    const ModelDir dir;
    dir.Write("modules.json", "[" + ModuleJson(0, "", transformers[i]) + "," +
                                  ModuleJson(1, "1_Pooling", poolings[i]) + "," +
                                  ModuleJson(2, "2_Normalize", normalizes[i]) + "]");
    EXPECT_THAT(Read(dir).module_names, ElementsAre("Transformer", "Pooling", "Normalize"));
  }
}

TEST(ModulesJson, TheChainIsReadInTheOrderOfTheFile) {
  const ModelDir dir;
  dir.WriteModules("," +
                   ModuleJson(2, "2_Dense", "sentence_transformers.base.modules.dense.Dense") +
                   "," + ModuleJson(3, "3_Dropout", "sentence_transformers.models.Dropout") + "," +
                   ModuleJson(9, "4_LayerNorm", "sentence_transformers.models.LayerNorm") + "," +
                   ModuleJson(7, "5_Dense", "sentence_transformers.models.Dense") + "," +
                   ModuleJson(6, "6_Normalize", "sentence_transformers.models.Normalize"));
  dir.Write("1_Pooling/config.json", R"({"pooling_mode":["cls","mean"]})");
  dir.Write("2_Dense/config.json",
            R"({"in_features":16,"out_features":5,"bias":true,
                "activation_function":"torch.nn.modules.activation.Tanh"})");
  dir.Write("3_Dropout/config.json", R"({"dropout":0.2})");
  dir.Write("4_LayerNorm/config.json", R"({"dimension":5})");
  dir.Write("5_Dense/config.json",
            R"({"in_features":5,"out_features":3,"bias":false,"use_residual":true,
                "activation_function":"torch.nn.modules.linear.Identity",
                "module_input_name":"sentence_embedding","module_output_name":null})");
  const ModelSpec spec = Read(dir);
  EXPECT_THAT(spec.module_names, ElementsAre("Transformer", "Pooling", "Dense", "Dropout",
                                             "LayerNorm", "Dense", "Normalize"));
  ASSERT_EQ(spec.modules.size(), 6u);
  const auto& first = std::get<DenseModule>(spec.modules[1]);
  EXPECT_EQ(first.dir, dir.path() / "2_Dense");
  EXPECT_EQ(first.in_features, 16);
  EXPECT_EQ(first.out_features, 5);
  EXPECT_TRUE(first.bias);
  EXPECT_FALSE(first.residual);
  EXPECT_EQ(first.activation, Activation::kTanh);
  EXPECT_TRUE(std::holds_alternative<DropoutModule>(spec.modules[2]));
  EXPECT_EQ(std::get<LayerNormModule>(spec.modules[3]).dimension, 5);
  EXPECT_EQ(std::get<LayerNormModule>(spec.modules[3]).dir, dir.path() / "4_LayerNorm");
  const auto& second = std::get<DenseModule>(spec.modules[4]);
  EXPECT_FALSE(second.bias);
  EXPECT_TRUE(second.residual);
  EXPECT_EQ(second.activation, Activation::kIdentity);
  EXPECT_TRUE(std::holds_alternative<NormalizeModule>(spec.modules[5]));
}

TEST(ModulesJson, DenseActivationsAreTorchs) {
  const std::pair<const char*, Activation> cases[] = {
      {"torch.nn.modules.activation.Tanh", Activation::kTanh},
      {"torch.nn.modules.linear.Identity", Activation::kIdentity},
      {"torch.nn.modules.activation.ReLU", Activation::kRelu},
      {"torch.nn.modules.activation.GELU", Activation::kGeluErf},
      {"torch.nn.modules.activation.Sigmoid", Activation::kSigmoid},
      {"torch.nn.modules.activation.SiLU", Activation::kSilu},
      {"torch.nn.Identity", Activation::kIdentity}};
  for (const auto& [type, activation] : cases) {
    const ModelDir dir;
    dir.WriteModules("," + ModuleJson(2, "2_Dense", "sentence_transformers.models.Dense"));
    dir.Write(
        "2_Dense/config.json",
        std::string(R"({"in_features":8,"out_features":8,"activation_function":")") + type + "\"}");
    EXPECT_EQ(std::get<DenseModule>(Read(dir).modules[1]).activation, activation) << type;
  }
  const ModelDir dir;
  dir.WriteModules("," + ModuleJson(2, "2_Dense", "sentence_transformers.models.Dense"));
  dir.Write("2_Dense/config.json", R"({"in_features":8,"out_features":8})");
  const auto dense = std::get<DenseModule>(Read(dir).modules[1]);
  EXPECT_EQ(dense.activation, Activation::kTanh);
  EXPECT_TRUE(dense.bias);
}

TEST(ModulesJson, WrongDenseConfigsAreErrors) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"out_features":8})", "field \"in_features\" is missing"},
      {R"({"in_features":8})", "field \"out_features\" is missing"},
      {R"({"in_features":0,"out_features":8})", "field in_features"},
      {R"({"in_features":8,"out_features":99999999999})", "field out_features"},
      {R"({"in_features":"8","out_features":8})", "field in_features"},
      {R"({"in_features":4,"out_features":8})", "found 4, expected 8"},
      {R"({"in_features":8,"out_features":8,"bias":1})", "field bias"},
      {R"({"in_features":8,"out_features":8,"use_residual":"x"})", "field use_residual"},
      {R"({"in_features":8,"out_features":8,"activation_function":null})",
       "field activation_function"},
      {R"({"in_features":8,"out_features":8,"activation_function":"torch.nn.modules.activation.ELU"})",
       "unsupported: unknown activation"},
      {R"({"in_features":8,"out_features":8,"activation_function":"my.Tanh"})",
       "unsupported: unknown activation"},
      {R"({"in_features":8,"out_features":8,"module_input_name":"token_embeddings"})",
       "unsupported: Dense works on something else"},
      {R"({"in_features":8,"out_features":8,"module_output_name":"other"})",
       "field module_output_name"},
  };
  for (const auto& [config, message] : cases) {
    const ModelDir dir;
    dir.WriteModules("," + ModuleJson(2, "2_Dense", "sentence_transformers.models.Dense"));
    dir.Write("2_Dense/config.json", config);
    EXPECT_THAT(Thrown(dir), AllOf(HasSubstr(message), HasSubstr("2_Dense/config.json"))) << config;
  }
}

TEST(ModulesJson, LayerNormOfAnotherWidthIsAnError) {
  const ModelDir dir;
  dir.WriteModules("," + ModuleJson(2, "2_LayerNorm", "sentence_transformers.models.LayerNorm"));
  dir.Write("2_LayerNorm/config.json", R"({"dimension":9})");
  EXPECT_THAT(Thrown(dir), AllOf(StartsWith("corrupt_data: "), HasSubstr("found 9, expected 8"),
                                 HasSubstr("2_LayerNorm/config.json: field dimension")));
}

TEST(ModulesJson, NormalizeMayHaveAFileAnEmptyFolderOrNothing) {
  const ModelDir dir;
  EXPECT_EQ(Read(dir).modules.size(), 2u);
  std::filesystem::create_directories(dir.path() / "2_Normalize");
  EXPECT_EQ(Read(dir).modules.size(), 2u);
  dir.Write(
      "2_Normalize/config.json",
      R"({"module_input_name":"sentence_embedding","module_output_name":"sentence_embedding"})");
  EXPECT_EQ(Read(dir).modules.size(), 2u);
  dir.Write("2_Normalize/config.json", R"({"module_input_name":"token_embeddings"})");
  EXPECT_THAT(Thrown(dir), StartsWith("unsupported: Normalize works on something else"));
}

TEST(ModulesJson, OldLayoutWithATransformerFolderIsRead) {
  const ModelDir dir;
  dir.Write("modules.json",
            "[" + ModuleJson(0, "0_Transformer", "sentence_transformers.models.Transformer") + "," +
                ModuleJson(1, "1_Pooling", "sentence_transformers.models.Pooling") + "]");
  EXPECT_THAT(Thrown(dir), HasSubstr("not_found: "));
  dir.Remove("config.json");
  dir.Write("0_Transformer/config.json", test::kBertConfig);
  dir.Write("0_Transformer/sentence_bert_config.json", R"({"max_seq_length":77})");
  const ModelSpec spec = Read(dir);
  EXPECT_EQ(spec.transformer_dir, dir.path() / "0_Transformer");
  EXPECT_EQ(spec.max_length, 77);
  EXPECT_EQ(spec.max_length_source, "0_Transformer/sentence_bert_config.json max_seq_length");
  EXPECT_THAT(spec.files,
              ElementsAre("modules.json", "0_Transformer/config.json",
                          "0_Transformer/sentence_bert_config.json", "1_Pooling/config.json"));
}

TEST(ModulesJson, OtherModulesAreRefusedByName) {
  for (const char* type :
       {"sentence_transformers.models.StaticEmbedding", "sentence_transformers.models.Router",
        "sentence_transformers.base.modules.router.Router", "sentence_transformers.models.Asym",
        "sentence_transformers.models.CNN", "sentence_transformers.models.LSTM",
        "sentence_transformers.models.WeightedLayerPooling",
        "sentence_transformers.sparse_encoder.models.MLMTransformer",
        "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling",
        "sentence_transformers.cross_encoder.modules.logit_score.LogitScore",
        "sentence_transformers.models.SomethingNew", "pylate.models.Dense.Dense",
        "custom_st.Transformer", "Transformer"}) {
    const ModelDir dir;
    dir.Write("modules.json", "[" + ModuleJson(0, "", type) + "]");
    EXPECT_THAT(Thrown(dir), AllOf(StartsWith("unsupported: "), HasSubstr(type),
                                   HasSubstr("modules.json: field [0].type")));
  }
}

TEST(ModulesJson, UnusualChainsAreRefused) {
  const std::string transformer = ModuleJson(0, "", "sentence_transformers.models.Transformer");
  const std::string pooling = ModuleJson(1, "1_Pooling", "sentence_transformers.models.Pooling");
  const std::string normalize =
      ModuleJson(2, "2_Normalize", "sentence_transformers.models.Normalize");
  for (const std::string& modules :
       {"[" + transformer + "]", "[" + pooling + "]", "[" + pooling + "," + transformer + "]",
        "[" + transformer + "," + normalize + "," + pooling + "]",
        "[" + transformer + "," + pooling + "," +
            ModuleJson(3, "", "sentence_transformers.models.Transformer") + "]",
        "[" + transformer + "," + pooling + "," +
            ModuleJson(3, "1_Pooling", "sentence_transformers.models.Pooling") + "]"}) {
    const ModelDir dir;
    dir.Write("modules.json", modules);
    EXPECT_THAT(Thrown(dir), AllOf(StartsWith("unsupported: "), HasSubstr("modules.json")))
        << modules;
  }
}

TEST(ModulesJson, PathsMustStayInside) {
  for (const char* path : {"/etc", "..", "../other", "1_Pooling/../../x", "C:/x", "..\\\\x",
                           "\\\\\\\\host\\\\share", "a\\u0000b"}) {
    const ModelDir dir;
    dir.Write("modules.json",
              "[" + ModuleJson(0, "", "sentence_transformers.models.Transformer") + "," +
                  ModuleJson(1, path, "sentence_transformers.models.Pooling") + "]");
    EXPECT_THAT(Thrown(dir), AllOf(StartsWith("corrupt_data: module path leads out of the model"),
                                   HasSubstr("modules.json: field [1].path")))
        << path;
  }
}

TEST(ModulesJson, WrongTypesAreErrors) {
  for (const char* modules :
       {"{}", "[]", "3", "null", "[1]", "[null]", "[[]]", R"([{"path":""}])", R"([{"type":1}])",
        R"([{"type":"sentence_transformers.models.Transformer"}])",
        R"([{"type":"sentence_transformers.models.Transformer","path":1}])",
        R"([{"type":"sentence_transformers.models.Transformer","path":null}])",
        R"([{"type":"sentence_transformers.models.Transformer","path":"","name":1},
            {"type":"sentence_transformers.models.Pooling","path":"1_Pooling"}])",
        R"([{"type":"sentence_transformers.models.Transformer","path":"","name":"a"},
            {"type":"sentence_transformers.models.Pooling","path":"1_Pooling","name":"a"}])"}) {
    const ModelDir dir;
    dir.Write("modules.json", modules);
    EXPECT_THAT(Thrown(dir), AllOf(StartsWith("corrupt_data: "), HasSubstr("modules.json")))
        << modules;
  }
}

}  // namespace
}  // namespace bge
