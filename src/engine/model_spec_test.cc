// Real model directories of the developers' data, and the settings that come from several files.
#include "engine/model_spec.h"

#include "tests/expect_error.h"
#include "tests/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

namespace fs = std::filesystem;
using test::ModelDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

struct RealModel {
  const char* folder;
  const char* name;
  int64_t max_length;
  const char* max_length_source;
  bool do_lower_case;
  const char* instruction;
};

void PrintTo(const RealModel& model, std::ostream* os) { *os << model.folder; }

class RealModelDirectories : public testing::TestWithParam<RealModel> {};

TEST_P(RealModelDirectories, AreRead) {
  const fs::path dir = fs::path(BGE_SHARED_DIR) / "data/tokenizers" / GetParam().folder;
  if (!fs::exists(dir)) GTEST_SKIP() << dir << " is not on this machine";
  std::vector<std::string> warnings;
  const ModelSpec spec =
      ReadModelSpec(dir, [&](std::string_view warning) { warnings.emplace_back(warning); });
  EXPECT_EQ(spec.name, GetParam().name);
  EXPECT_TRUE(spec.known);
  EXPECT_EQ(spec.max_length, GetParam().max_length);
  EXPECT_EQ(spec.max_length_source, GetParam().max_length_source);
  EXPECT_EQ(spec.do_lower_case, GetParam().do_lower_case);
  EXPECT_THAT(spec.module_names, ElementsAre("Transformer", "Pooling", "Normalize"));
  ASSERT_EQ(spec.modules.size(), 2u);
  const auto& pooling = std::get<PoolingModule>(spec.modules[0]);
  EXPECT_THAT(pooling.modes, ElementsAre(Pooling::kCls));
  EXPECT_TRUE(pooling.include_prompt);
  EXPECT_EQ(pooling.source, "1_Pooling/config.json");
  EXPECT_TRUE(std::holds_alternative<NormalizeModule>(spec.modules[1]));
  EXPECT_EQ(spec.query_instruction, GetParam().instruction);
  EXPECT_EQ(spec.document_instruction, "");
  EXPECT_EQ(spec.similarity, "cosine");
  EXPECT_THAT(spec.files, ElementsAre("modules.json", "config_sentence_transformers.json",
                                      "config.json", "sentence_bert_config.json",
                                      "1_Pooling/config.json", "tokenizer_config.json"));
  EXPECT_TRUE(warnings.empty()) << warnings[0];
}

constexpr const char* kExplicit = "sentence_bert_config.json max_seq_length";
INSTANTIATE_TEST_SUITE_P(
    All, RealModelDirectories,
    testing::Values(RealModel{"bge-small-en-v1.5", "BAAI/bge-small-en-v1.5", 512, kExplicit, true,
                              "Represent this sentence for searching relevant passages: "},
                    RealModel{"bge-large-zh-v1.5", "BAAI/bge-large-zh-v1.5", 512, kExplicit, true,
                              "为这个句子生成表示以用于检索相关文章："},
                    RealModel{"bge-m3", "BAAI/bge-m3", 8192, kExplicit, false, ""},
                    RealModel{"xlm-roberta/bge-m3", "BAAI/bge-m3", 8192,
                              "tokenizer_config.json model_max_length", false, ""}));

TEST(RealModelDirectory, OfARerankerIsRefusedByName) {
  for (const char* folder : {"bge-reranker-base", "bge-reranker-large"}) {
    const fs::path dir = fs::path(BGE_SHARED_DIR) / "data/tokenizers/xlm-roberta" / folder;
    if (!fs::exists(dir)) GTEST_SKIP() << dir << " is not on this machine";
    EXPECT_THAT(
        test::Thrown([&] { return ReadModelSpec(dir, nullptr); }),
        AllOf(StartsWith("unsupported: not a dense embedding model"), HasSubstr("reranker")));
  }
}

// -------------------------------------------------------------- config_sentence_transformers.json

ModelSpec ReadWithConfig(const ModelDir& dir, std::string_view config) {
  dir.Write("config_sentence_transformers.json", config);
  return ReadModelSpec(dir.path(), nullptr);
}

TEST(SentenceTransformersConfig, PromptsAndSettingsAreRead) {
  const ModelDir dir;
  const ModelSpec spec = ReadWithConfig(
      dir, R"({"__version__":{"sentence_transformers":"5.5.1"},"model_type":"SentenceTransformer",
               "prompts":{"query":"q: ","passage":"p: ","other":null},
               "default_prompt_name":"passage","similarity_fn_name":"dot","truncate_dim":4,
               "something_new":[]})");
  EXPECT_THAT(spec.prompts,
              ElementsAre(Pair("other", ""), Pair("passage", "p: "), Pair("query", "q: ")));
  EXPECT_EQ(spec.default_prompt_name, "passage");
  EXPECT_EQ(spec.similarity, "dot");
  EXPECT_EQ(spec.truncate_dim, 4);
  EXPECT_EQ(spec.query_instruction, "q: ");
  EXPECT_EQ(spec.document_instruction, "p: ");
  EXPECT_EQ(spec.instruction_source,
            "config_sentence_transformers.json prompts.query; "
            "config_sentence_transformers.json prompts.passage");
}

TEST(SentenceTransformersConfig, NullIsAbsence) {
  const ModelDir dir;
  const ModelSpec spec =
      ReadWithConfig(dir, R"({"prompts":null,"default_prompt_name":null,"similarity_fn_name":null,
               "truncate_dim":null,"model_type":null})");
  EXPECT_TRUE(spec.prompts.empty());
  EXPECT_EQ(spec.default_prompt_name, "");
  EXPECT_EQ(spec.similarity, "cosine");
  EXPECT_EQ(spec.truncate_dim, std::nullopt);
}

TEST(SentenceTransformersConfig, DocumentsTakeTheFirstPromptThatIsNotEmpty) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"document":"d","passage":"p","corpus":"c"})", "d"},
      {R"({"document":"","passage":"p","corpus":"c"})", "p"},
      {R"({"corpus":"c"})", "c"},
      {R"({"document":"","passage":""})", ""},
      {R"({"doc":"x"})", ""}};
  for (const auto& [prompts, instruction] : cases) {
    const ModelDir dir;
    EXPECT_EQ(
        ReadWithConfig(dir, R"({"prompts":)" + std::string(prompts) + "}").document_instruction,
        instruction)
        << prompts;
  }
}

TEST(SentenceTransformersConfig, TheTablesInstructionFillsAnEmptyPrompt) {
  ModelDir dir;
  dir.Write("config.json", R"({"model_type":"bert","hidden_size":384,
                               "_name_or_path":"intfloat/e5-small-v2"})");
  dir.Write("1_Pooling/config.json", R"({"pooling_mode":"mean"})");
  ModelSpec spec = ReadWithConfig(dir, R"({"prompts":{"query":"","document":""}})");
  EXPECT_EQ(spec.query_instruction, "query: ");
  EXPECT_EQ(spec.document_instruction, "passage: ");
  EXPECT_EQ(spec.instruction_source,
            "known model intfloat/e5-small-v2 (by config.json _name_or_path)");
  spec = ReadWithConfig(dir, R"({"prompts":{"query":"mine: "}})");
  EXPECT_EQ(spec.query_instruction, "mine: ");
  EXPECT_EQ(spec.document_instruction, "passage: ");
  EXPECT_EQ(spec.instruction_source,
            "config_sentence_transformers.json prompts.query; "
            "known model intfloat/e5-small-v2 (by config.json _name_or_path)");
}

TEST(SentenceTransformersConfig, QueryAndDocumentAreAlwaysPrompts) {
  const ModelDir dir;
  const ModelSpec spec = ReadWithConfig(dir, R"({"default_prompt_name":"query"})");
  EXPECT_EQ(spec.default_prompt_name, "query");
  EXPECT_THAT(spec.prompts, ElementsAre(Pair("query", "")));
}

TEST(SentenceTransformersConfig, OtherKindsOfModelAreRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"CrossEncoder", "reranker"}, {"SparseEncoder", "sparse"}, {"Unheard", "does not know"}};
  for (const auto& [type, kind] : cases) {
    const ModelDir dir;
    EXPECT_THAT(
        test::Thrown(
            [&] { return ReadWithConfig(dir, R"({"model_type":")" + std::string(type) + "\"}"); }),
        AllOf(StartsWith("unsupported: not a dense embedding model"),
              HasSubstr("field model_type: found \"" + std::string(type) + "\""), HasSubstr(kind)));
  }
}

TEST(SentenceTransformersConfig, WrongValuesAreErrors) {
  for (const char* config :
       {"[]", R"({"prompts":[]})", R"({"prompts":"q"})", R"({"prompts":{"query":1}})",
        R"({"prompts":{"query":["a"]}})", R"({"default_prompt_name":1})",
        R"({"default_prompt_name":"absent"})", R"({"prompts":{"a":"b"},"default_prompt_name":"b"})",
        R"({"similarity_fn_name":3})", R"({"similarity_fn_name":"maxsim"})",
        R"({"truncate_dim":"8"})", R"({"truncate_dim":0})", R"({"truncate_dim":1.5})",
        R"({"model_type":{}})"}) {
    const ModelDir dir;
    EXPECT_THAT(test::Thrown([&] { return ReadWithConfig(dir, config); }),
                AllOf(testing::AnyOf(StartsWith("corrupt_data: "), StartsWith("unsupported: ")),
                      HasSubstr("config_sentence_transformers.json")))
        << config;
  }
}

// ---------------------------------------------------------------------------------- config.json

TEST(ConfigJson, IsRequired) {
  const ModelDir dir;
  dir.Remove("config.json");
  EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path(), nullptr); }),
              AllOf(StartsWith("not_found: not a model directory"), HasSubstr("config.json")));
  dir.Write("adapter_config.json", "{}");
  EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path(), nullptr); }),
              AllOf(StartsWith("unsupported: "), HasSubstr("merge the adapter")));
  EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path() / "absent", nullptr); }),
              StartsWith("not_found: no such model directory"));
}

TEST(ConfigJson, AnIncompleteSnapshotSaysHowToCompleteIt) {
  ModelDir dir;
  dir.Remove("config.json");
  dir.MoveTo("models--BAAI--bge-small-en-v1.5/snapshots/abc");
  EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path(), nullptr); }),
              HasSubstr("hf download BAAI/bge-small-en-v1.5"));
}

TEST(ConfigJson, ALinkToNowhereIsAnError) {
  const ModelDir dir;
  std::filesystem::create_symlink("../blobs/gone", dir.path() / "sentence_bert_config.json");
  EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path(), nullptr); }),
              AllOf(StartsWith("not_found: "), HasSubstr("sentence_bert_config.json")));
}

TEST(ConfigJson, WrongValuesAreErrors) {
  for (const char* config :
       {"[]", "{}", "1", "", R"({"hidden_size":8})", R"({"model_type":1})",
        R"({"model_type":null})", R"({"model_type":""})",
        R"({"model_type":"bert","hidden_size":"8"})", R"({"model_type":"bert","hidden_size":0})",
        R"({"model_type":"bert","hidden_size":1e30})"}) {
    const ModelDir dir;
    dir.Write("config.json", config);
    for (const bool plain : {false, true}) {
      if (plain) dir.Remove("modules.json");
      EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path(), nullptr); }),
                  AllOf(StartsWith("corrupt_data: "), HasSubstr("config.json")))
          << config;
    }
  }
}

TEST(ConfigJson, APlainRerankerIsRefused) {
  const ModelDir dir;
  dir.Remove("modules.json");
  dir.Write("config.json",
            R"({"model_type":"bert","architectures":["BertForSequenceClassification"],
                "id2label":{"0":"LABEL_0"}})");
  EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path(), nullptr); }),
              AllOf(StartsWith("unsupported: not a dense embedding model"),
                    HasSubstr("BertForSequenceClassification")));
}

}  // namespace
}  // namespace bge
