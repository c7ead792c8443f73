#include "engine/model_spec.h"
#include "tests/expect_error.h"
#include "tests/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

namespace bge {
namespace {

using test::ModelDir;
using test::ModuleJson;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::StartsWith;

constexpr const char* kConfig = "config_sentence_transformers.json";

class TokenVectors : public testing::Test {
 protected:
  TokenVectors() { dir_.Remove("1_Pooling"); }

  void WriteNative(std::string_view transformer, std::string_view mask) {
    dir_.Write(
        "modules.json",
        "[" + ModuleJson(0, "", "sentence_transformers.base.modules.transformer.Transformer") +
            "," + ModuleJson(1, "1_Dense", "sentence_transformers.base.modules.dense.Dense") + "," +
            ModuleJson(2, "2_Mask",
                       "sentence_transformers.multi_vector_encoder.modules."
                       "multi_vector_mask.MultiVectorMask") +
            "," +
            ModuleJson(3, "3_Normalize", "sentence_transformers.base.modules.normalize.Normalize") +
            "]");
    dir_.Write(kConfig, R"({"model_type":"MultiVectorEncoder","prompts":{"query":"[Q] "},
                            "similarity_fn_name":"meanmaxsim"})");
    dir_.Write("1_Dense/config.json",
               R"({"in_features":8,"out_features":4,"bias":false,
                   "activation_function":"torch.nn.modules.linear.Identity"})");
    dir_.Write("2_Mask/config.json", mask);
    dir_.Write("3_Normalize/config.json", R"({"module_input_name":"token_embeddings"})");
    dir_.Write("sentence_bert_config.json", transformer);
  }
  void WritePyLate(std::string_view config) {
    dir_.Write("modules.json", "[" + ModuleJson(0, "", "sentence_transformers.models.Transformer") +
                                   "," + ModuleJson(1, "1_Dense", "pylate.models.Dense.Dense") +
                                   "]");
    dir_.Write("1_Dense/config.json", R"({"in_features":8,"out_features":4,"bias":false})");
    dir_.Write(kConfig, config);
  }
  void WriteStanford() {
    dir_.Remove("modules.json");
    dir_.Write("config.json",
               R"({"architectures":["HF_ColBERT"],"model_type":"bert","hidden_size":8})");
  }
  ModelSpec Read() const { return ReadModelSpec(dir_.path(), nullptr); }
  std::string Thrown() const {
    return test::Thrown([&] { return Read(); });
  }

  ModelDir dir_;
};

TEST_F(TokenVectors, OfSentenceTransformersOwnLayout) {
  WriteNative(R"({"document_length":300,"query_expansion":{"strategy":"min","length":32}})",
              R"({"skiplist_words":["."],"skiplist_tasks":["query"],"keep_only_token_ids":[5,6]})");
  const ModelSpec spec = Read();
  ASSERT_TRUE(spec.multi_vector);
  EXPECT_THAT(spec.modules, IsEmpty());
  EXPECT_THAT(spec.module_names,
              ElementsAre("Transformer", "Dense", "MultiVectorMask", "Normalize"));
  EXPECT_EQ(spec.query_instruction, "[Q] ");
  EXPECT_EQ(spec.document_instruction, "");
  EXPECT_EQ(spec.similarity, "meanmaxsim");
  const MultiVectorSpec& read = *spec.multi_vector;
  EXPECT_FALSE(read.query.tokens);
  EXPECT_EQ(read.document.tokens, 300);
  EXPECT_EQ(read.document.source, "sentence_bert_config.json document_length");
  ASSERT_TRUE(read.expansion);
  EXPECT_FALSE(read.expansion->fixed || read.expansion->attended);
  EXPECT_EQ(read.expansion->length, 32);
  EXPECT_TRUE(read.mask.expansion && read.mask.skips_in_queries);
  EXPECT_FALSE(read.mask.skips_in_documents);
  EXPECT_THAT(read.mask.kept, ElementsAre(5, 6));
  EXPECT_THAT(read.skiplist_words, ElementsAre("."));
  EXPECT_THAT(read.markers, IsEmpty());
  ASSERT_EQ(read.modules.size(), 2u);
  EXPECT_EQ(std::get<DenseModule>(read.modules[0]).out_features, 4);
}

TEST_F(TokenVectors, OfPyLatesLayout) {
  WritePyLate(R"({"model_type":"ColBERT","query_prefix":"[Q] ","document_prefix":"[D] ",
                  "query_length":24,"document_length":180,"attend_to_expansion_tokens":true,
                  "prompts":{"query":"[Q] find "},"similarity_fn_name":"cosine"})");
  const ModelSpec spec = Read();
  ASSERT_TRUE(spec.multi_vector);
  const MultiVectorSpec& read = *spec.multi_vector;
  EXPECT_THAT(spec.prompts, ElementsAre(Pair("document", "[D] "), Pair("query", "[Q] find ")));
  EXPECT_THAT(read.markers, ElementsAre("[Q] ", "[D] "));
  EXPECT_FALSE(read.query.tokens);  // it is what queries are filled up to
  ASSERT_TRUE(read.expansion);
  EXPECT_TRUE(read.expansion->fixed && read.expansion->attended);
  EXPECT_EQ(read.expansion->length, 24);
  EXPECT_EQ(read.document.source, std::string(kConfig) + " document_length");
  EXPECT_EQ(read.skiplist_words.size(), 32u);
  EXPECT_EQ(spec.similarity, "maxsim");
  EXPECT_TRUE(read.mask.expansion);
  EXPECT_THAT(spec.module_names,
              ElementsAre("Transformer", "Dense", "MultiVectorMask", "Normalize"));

  WritePyLate(R"({"query_length":24,"do_query_expansion":false})");  // of an older version
  const ModelSpec older = Read();
  ASSERT_TRUE(older.multi_vector);
  EXPECT_FALSE(older.multi_vector->expansion);
  EXPECT_EQ(older.multi_vector->query.tokens, 24);
  EXPECT_THAT(older.multi_vector->skiplist_words, IsEmpty());  // no prefix, no usual skiplist
}

TEST_F(TokenVectors, WhatTheTransformerSaysComesBeforePyLatesFields) {
  WritePyLate(R"({"model_type":"ColBERT","query_length":24,"document_length":180})");
  dir_.Write("sentence_bert_config.json", R"({"document_length":null,"query_expansion":null})");
  const ModelSpec spec = Read();
  EXPECT_FALSE(spec.multi_vector->document.tokens);
  EXPECT_FALSE(spec.multi_vector->expansion);
}

TEST_F(TokenVectors, OfStanfordsLayout) {
  WriteStanford();
  const ModelSpec usual = Read();
  ASSERT_TRUE(usual.multi_vector);
  EXPECT_EQ(usual.query_instruction, "[unused0] ");
  EXPECT_EQ(usual.document_instruction, "[unused1] ");
  EXPECT_EQ(usual.multi_vector->expansion->length, 32);
  EXPECT_FALSE(usual.multi_vector->expansion->attended);
  EXPECT_FALSE(usual.multi_vector->document.tokens);
  EXPECT_EQ(usual.multi_vector->skiplist_words.size(), 32u);
  const auto& dense = std::get<DenseModule>(usual.multi_vector->modules[0]);
  EXPECT_EQ(dense.dir, dir_.path());
  EXPECT_EQ(dense.in_features, 8);
  EXPECT_EQ(dense.out_features, 0);

  dir_.Write("artifact.metadata",
             R"({"query_token_id":"[Q]","doc_token_id":null,"query_maxlen":20,"doc_maxlen":300,
                 "mask_punctuation":false,"attend_to_mask_tokens":true,"dim":4})");
  const ModelSpec spec = Read();
  EXPECT_THAT(spec.multi_vector->markers, ElementsAre("[Q] ", "[unused1] "));
  EXPECT_EQ(spec.multi_vector->expansion->length, 20);
  EXPECT_TRUE(spec.multi_vector->expansion->attended);
  EXPECT_EQ(spec.multi_vector->document.tokens, 300);
  EXPECT_THAT(spec.multi_vector->skiplist_words, IsEmpty());
  EXPECT_THAT(spec.files, testing::Contains("artifact.metadata"));
}

TEST_F(TokenVectors, WrongSettingsAreErrors) {
  constexpr std::string_view kNoMask = "{}";
  for (const auto& [transformer, message] : {
           std::pair(R"({"query_expansion":{"strategy":"max","length":3}})",
                     "query_expansion.strategy"),
           std::pair(R"({"query_expansion":{"strategy":"min"}})", "length"),
           std::pair(R"({"query_expansion":{"strategy":"min","length":0}})", "length"),
           std::pair(R"({"query_expansion":{"strategy":"min","length":9,"more":1}})", "more"),
           std::pair(R"({"query_expansion":{"strategy":"min","length":9,"attend":1}})", "attend"),
           std::pair(R"({"query_expansion":"min"})", "query_expansion"),
           std::pair(R"({"query_length":8,"query_expansion":{"strategy":"min","length":9}})",
                     "query_length: found 8, expected at least 9"),
           std::pair(R"({"document_length":-4})", "document_length"),
           std::pair(R"({"document_length":"long"})", "document_length"),
       }) {
    WriteNative(transformer, kNoMask);
    EXPECT_THAT(Thrown(), AllOf(HasSubstr("sentence_bert_config.json"), HasSubstr(message)));
  }
  for (const auto& [mask, message] : {
           std::pair(R"({"skiplist_words":"."})", "skiplist_words"),
           std::pair(R"({"skiplist_words":[1]})", "skiplist_words"),
           std::pair(R"({"skiplist_tasks":[1]})", "skiplist_tasks"),
           std::pair(R"({"keep_only_token_ids":{}})", "keep_only_token_ids"),
           std::pair(R"({"keep_only_token_ids":[-1]})", "keep_only_token_ids"),
           std::pair(R"({"keep_only_token_ids":[99999999999]})", "keep_only_token_ids"),
       }) {
    WriteNative("{}", mask);
    EXPECT_THAT(Thrown(), AllOf(HasSubstr("2_Mask/config.json"), HasSubstr(message)));
  }
  WriteNative("{}", "{}");
  dir_.Write("1_Dense/config.json",
             R"({"in_features":8,"out_features":4,"module_input_name":"sentence_embedding"})");
  EXPECT_THAT(Thrown(), AllOf(StartsWith("unsupported: "), HasSubstr("1_Dense/config.json")));
  for (const char* artifact :
       {R"({"query_maxlen":0})", R"({"query_maxlen":"a"})", R"({"doc_maxlen":-1})",
        R"({"query_token_id":3})", R"({"mask_punctuation":"no"})",
        R"({"attend_to_mask_tokens":[]})", "[]", "{", ""}) {
    WriteStanford();
    dir_.Write("artifact.metadata", artifact);
    EXPECT_THAT(Thrown(), AllOf(StartsWith("corrupt_data: "), HasSubstr("artifact.metadata")))
        << artifact;
  }
}

TEST_F(TokenVectors, OtherModulesAreRefusedByName) {
  for (const char* type : {"sentence_transformers.models.Pooling",
                           "sentence_transformers.multi_vector_encoder.modules.token_pooling."
                           "HierarchicalTokenPooling",
                           "pylate.models.Other", "custom.Dense"}) {
    WriteNative("{}", "{}");
    dir_.Write("modules.json", "[" + ModuleJson(0, "", "sentence_transformers.models.Transformer") +
                                   "," + ModuleJson(1, "1_X", type) + "]");
    EXPECT_THAT(Thrown(), AllOf(StartsWith("unsupported: "), HasSubstr(type),
                                HasSubstr("modules.json: field [1].type")));
  }
}

}  // namespace
}  // namespace bge
