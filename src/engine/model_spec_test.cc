// Real model directories of the developers' data, and the settings that come from several files.
#include "engine/model_spec.h"

#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
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

}  // namespace
}  // namespace bge
