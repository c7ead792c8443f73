// The configuration files of sparse encoders, whole and damaged.
#include "engine/sparse_modules.h"

#include "engine/model_spec.h"
#include "tests/expect_error.h"
#include "tests/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace bge {
namespace {

using test::ModelDir;
using test::ModuleJson;
using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kMlm = "sentence_transformers.sparse_encoder.models.MLMTransformer";
constexpr const char* kPooling = "sentence_transformers.sparse_encoder.models.SpladePooling";
constexpr const char* kNewPooling =
    "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling";
constexpr const char* kTransformer = "sentence_transformers.base.modules.transformer.Transformer";
constexpr const char* kRouter = "sentence_transformers.base.modules.router.Router";

ModelSpec Read(const ModelDir& dir) { return ReadModelSpec(dir.path(), {}); }
std::string Thrown(const ModelDir& dir) {
  return test::Thrown([&] { return Read(dir); });
}

void WriteChain(const ModelDir& dir, const char* transformer = kMlm,
                const char* pooling = kPooling) {
  dir.Write("modules.json", "[" + ModuleJson(0, "", transformer) + "," +
                                ModuleJson(1, "1_SpladePooling", pooling) + "]");
}

// The published layout of a router, whose parts a test replaces.
struct RouterParts {
  std::string types =
      R"({"q":"sentence_transformers.sparse_encoder.models.SparseStaticEmbedding",
          "":"sentence_transformers.sparse_encoder.models.MLMTransformer",
          "p":"sentence_transformers.sparse_encoder.models.SpladePooling"})";
  std::string structure = R"({"query":["q"],"document":["","p"]})";
  std::string parameters = R"({"default_route":"document","allow_empty_key":true})";
};

void WriteRouter(const ModelDir& dir, const RouterParts& parts,
                 const char* file = "router_config.json") {
  dir.Write("modules.json", "[" + ModuleJson(0, "", kRouter) + "]");
  dir.Write("config_sentence_transformers.json", R"({"model_type":"SparseEncoder"})");
  dir.Write(file, "{\"types\":" + parts.types + ",\"structure\":" + parts.structure +
                      ",\"parameters\":" + parts.parameters + "}");
}

TEST(SparseModules, BothSpellings) {
  const ModelDir dir;
  WriteChain(dir);
  ModelSpec spec = Read(dir);
  ASSERT_TRUE(spec.sparse.has_value());
  EXPECT_TRUE(spec.modules.empty());
  EXPECT_FALSE(spec.sparse->pooling.sum || spec.sparse->pooling.log_twice);
  EXPECT_EQ(spec.sparse->pooling_source, "default");
  EXPECT_EQ(spec.similarity, "dot");
  EXPECT_THAT(spec.module_names, ElementsAre("MLMTransformer", "SpladePooling"));

  WriteChain(dir, kTransformer, kNewPooling);
  dir.Write("sentence_bert_config.json",
            R"({"transformer_task":"fill-mask","module_output_name":"token_embeddings",)"
            R"("modality_config":{"text":{"method":"forward","method_output_name":"logits"}}})");
  dir.Write("1_SpladePooling/config.json",
            R"({"pooling_strategy":"sum","activation_function":"log1p_relu",)"
            R"("embedding_dimension":30})");
  dir.Write("config_sentence_transformers.json",
            R"({"model_type":"SparseEncoder","similarity_fn_name":"cosine","max_active_dims":5})");
  spec = Read(dir);
  EXPECT_TRUE(spec.sparse->pooling.sum && spec.sparse->pooling.log_twice);
  EXPECT_EQ(spec.sparse->dimension, 30);
  EXPECT_EQ(spec.sparse->max_active_dims, 5);
  EXPECT_EQ(spec.similarity, "cosine");
  EXPECT_EQ(spec.sparse->pooling_source, "1_SpladePooling/config.json");
}

TEST(SparseModules, ATransformerMustSayThatItGivesLogits) {
  const ModelDir dir;
  WriteChain(dir, kTransformer, kNewPooling);
  EXPECT_THAT(Thrown(dir), AllOf(StartsWith("unsupported: "), HasSubstr("transformer_task"),
                                 HasSubstr("fill-mask")));
  for (const char* options :
       {R"({"transformer_task":"feature-extraction"})",
        R"({"transformer_task":"fill-mask","module_output_name":"x"})",
        R"({"transformer_task":"fill-mask",)"
        R"("modality_config":{"text":{"method_output_name":"last_hidden_state"}}})"}) {
    dir.Write("sentence_bert_config.json", options);
    EXPECT_THAT(Thrown(dir), StartsWith("unsupported: setting is not supported")) << options;
  }
}

TEST(SparseModules, OtherChainsAreRefused) {
  const std::string pooling = ModuleJson(1, "1_SpladePooling", kPooling);
  for (const std::string& modules :
       {"[" + ModuleJson(0, "", "sentence_transformers.models.CNN") + "," + pooling + "]",
        "[" + ModuleJson(0, "", "custom.Transformer") + "," + pooling + "]",
        "[" + ModuleJson(0, "", kMlm) + "," + pooling + "," +
            ModuleJson(2, "2_Normalize", "sentence_transformers.models.Normalize") + "]",
        "[" + ModuleJson(0, "", kMlm) + "," +
            ModuleJson(1, "", "sentence_transformers.models.Pooling") + "]",
        "[" +
            ModuleJson(0, "", "sentence_transformers.sparse_encoder.models.SparseStaticEmbedding") +
            "," + pooling + "]",
        "[" + ModuleJson(0, "", "sentence_transformers.models.Transformer") + "," +
            ModuleJson(1, "1_Pooling", "sentence_transformers.models.Pooling") + "," +
            ModuleJson(2, "2", "sentence_transformers.sparse_encoder.models.SparseAutoEncoder") +
            "]"}) {
    const ModelDir dir;
    dir.Write("modules.json", modules);
    EXPECT_THAT(Thrown(dir), AllOf(StartsWith("unsupported: "), HasSubstr("modules.json")))
        << modules;
  }
}

TEST(SparseModules, PathsMustStayInside) {
  const ModelDir dir;
  dir.Write("modules.json",
            "[" + ModuleJson(0, "", kMlm) + "," + ModuleJson(1, "../x", kPooling) + "]");
  EXPECT_THAT(Thrown(dir), StartsWith("corrupt_data: module path leads out of the model"));
}

TEST(SparseModules, WrongValuesOfThePoolingAreErrors) {
  const ModelDir dir;
  WriteChain(dir);
  for (const char* config :
       {"[]", "3", R"({"pooling_strategy":"mean"})", R"({"pooling_strategy":1})",
        R"({"activation_function":"gelu"})", R"({"activation_function":[]})",
        R"({"word_embedding_dimension":"30"})", R"({"embedding_dimension":0})", "{"}) {
    dir.Write("1_SpladePooling/config.json", config);
    EXPECT_THAT(Thrown(dir), AllOf(AnyOf(StartsWith("corrupt_data: "), StartsWith("unsupported: ")),
                                   HasSubstr("1_SpladePooling/config.json")))
        << config;
  }
  dir.Write("1_SpladePooling/config.json", R"({"word_embedding_dimension":null,"chunk_size":8})");
  EXPECT_EQ(Thrown(dir), "no error");
  dir.Write("config_sentence_transformers.json", R"({"max_active_dims":0})");
  EXPECT_THAT(Thrown(dir), AllOf(StartsWith("corrupt_data: "), HasSubstr("max_active_dims")));
}

TEST(SparseModules, ARouterOfQueriesAndDocuments) {
  const ModelDir dir;
  WriteRouter(dir, {});
  dir.Write("q/tokenizer_config.json", R"({"model_max_length":77})");
  ModelSpec spec = Read(dir);
  ASSERT_TRUE(spec.sparse && spec.sparse->queries);
  EXPECT_EQ(spec.transformer_dir, dir.path());
  EXPECT_EQ(spec.sparse->queries->dir, dir.path() / "q");
  EXPECT_EQ(spec.sparse->queries->where, "q");
  EXPECT_EQ(spec.sparse->queries->max_length, 77);
  EXPECT_EQ(spec.sparse->default_route, Role::kDocument);
  // The spelling before version 5: the router's own config.json, in a folder of its own.
  const ModelDir old;
  old.Write("modules.json",
            "[" + ModuleJson(0, "0_Asym", "sentence_transformers.models.Asym") + "]");
  old.Write("config_sentence_transformers.json", R"({"model_type":"SparseEncoder"})");
  old.Write("0_Asym/config.json",
            R"({"types":{"query_0":"sentence_transformers.models.SparseStaticEmbedding",)"
            R"("d":"sentence_transformers.models.MLMTransformer",)"
            R"("p":"sentence_transformers.models.SpladePooling"},)"
            R"("structure":{"query":["query_0"],"document":["d","p"]},)"
            R"("parameters":{"allow_empty_key":true}})");
  old.Write("0_Asym/d/config.json", test::kBertConfig);
  spec = Read(old);
  EXPECT_EQ(spec.transformer_dir, old.path() / "0_Asym/d");
  EXPECT_EQ(spec.sparse->default_route, Role::kQuery);
}

TEST(SparseModules, DamagedRoutersAreErrors) {
  const auto thrown = [](const RouterParts& parts) {
    const ModelDir dir;
    WriteRouter(dir, parts);
    return Thrown(dir);
  };
  const auto error = AllOf(AnyOf(StartsWith("corrupt_data: "), StartsWith("unsupported: ")),
                           HasSubstr("router_config.json"));
  for (const char* types : {"[]", "3", "null", "{}", R"({"q":1,"":2,"p":3})",
                            R"({"q":"x.SparseStaticEmbedding","":"x.MLMTransformer","p":"x.P"})"}) {
    RouterParts parts;
    parts.types = types;
    EXPECT_THAT(thrown(parts), error) << types;
  }
  for (const char* structure :
       {"[]", "{}", R"({"query":["q"]})", R"({"query":[],"document":["","p"]})",
        R"({"query":"q","document":["","p"]})", R"({"query":["q"],"document":[""]})",
        R"({"query":["q"],"document":["p",""]})", R"({"query":["","p"],"document":["","p"]})",
        R"({"query":["q"],"document":["","p","q"]})", R"({"query":["absent"],"document":["","p"]})",
        R"({"query":[1],"document":["","p"]})", R"({"query":["q"],"document":["","p"],"x":["q"]})",
        R"({"text":["","p"]})"}) {
    RouterParts parts;
    parts.structure = structure;
    EXPECT_THAT(thrown(parts), error) << structure;
  }
  for (const char* parameters :
       {"3", R"({"default_route":"absent"})", R"({"default_route":1})",
        R"({"allow_empty_key":"yes"})", R"x({"route_mappings":{"('query', None)":"query"}})x"}) {
    RouterParts parts;
    parts.parameters = parameters;
    EXPECT_THAT(thrown(parts), error) << parameters;
  }
  RouterParts outside;
  outside.types.replace(outside.types.find("\"q\""), 3, "\"../q\"");
  outside.structure = R"({"query":["../q"],"document":["","p"]})";
  EXPECT_THAT(thrown(outside), StartsWith("corrupt_data: module path leads out of the model"));
  const ModelDir absent;
  WriteRouter(absent, {});
  absent.Remove("router_config.json");
  absent.Remove("config.json");
  EXPECT_THAT(Thrown(absent), AllOf(StartsWith("not_found: "), HasSubstr("Router")));
}

TEST(SparseModules, WeightsInJsonLieInTheModel) {
  const ModelDir dir;
  WriteRouter(dir, {});
  dir.Write("q/config.json", R"({"path":"idf.json"})");
  EXPECT_THAT(Thrown(dir), AllOf(StartsWith("corrupt_data: "), HasSubstr("q/config.json"),
                                 HasSubstr("idf.json")));
  dir.Write("idf.json", "{}");
  EXPECT_EQ(Read(dir).sparse->queries->where, "idf.json");
  dir.Write("q/idf.json", "{}");
  EXPECT_EQ(Read(dir).sparse->queries->where, "q/idf.json");
  for (const char* path : {"/etc/idf.json", "../idf.json"}) {
    dir.Write("q/config.json", "{\"path\":\"" + std::string(path) + "\"}");
    EXPECT_THAT(Thrown(dir), StartsWith("corrupt_data: module path leads out of the model"));
  }
}

}  // namespace
}  // namespace bge
