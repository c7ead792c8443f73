// How long texts may be: which file decides.
#include "engine/model_spec.h"
#include "tests/expect_error.h"
#include "tests/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge {
namespace {

using test::ModelDir;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

struct LengthCase {
  const char* name;
  const char* config;     // of config.json, beside the usual; ""
  const char* sentence;   // sentence_bert_config.json; "": absent
  const char* tokenizer;  // tokenizer_config.json; "": absent
  int64_t max_length;
  const char* source;
};
void PrintTo(const LengthCase& c, std::ostream* os) { *os << c.name; }

class MaxLengthOf : public testing::TestWithParam<LengthCase> {};

constexpr const char* kBert = R"({"model_type":"bert","max_position_embeddings":512})";
constexpr const char* kRoberta =
    R"({"model_type":"roberta","max_position_embeddings":514,"pad_token_id":1})";
constexpr const char* kSentenceSource = "sentence_bert_config.json max_seq_length";
constexpr const char* kTokenizerSource = "tokenizer_config.json model_max_length";
constexpr const char* kPositionsSource = "config.json max_position_embeddings";

TEST_P(MaxLengthOf, IsDecidedByTheFirstFileThatSaysIt) {
  const LengthCase& c = GetParam();
  const ModelDir dir;
  dir.Write("config.json", c.config);
  if (*c.sentence) dir.Write("sentence_bert_config.json", c.sentence);
  if (*c.tokenizer) dir.Write("tokenizer_config.json", c.tokenizer);
  // A limit in tokenizer.json does not count: sentence-transformers sets its own.
  dir.Write("tokenizer.json", R"({"truncation":{"max_length":16}})");
  const ModelSpec spec = ReadModelSpec(dir.path(), nullptr);
  EXPECT_EQ(spec.max_length, c.max_length);
  EXPECT_EQ(spec.max_length_source, c.source);
}

INSTANTIATE_TEST_SUITE_P(
    All, MaxLengthOf,
    testing::Values(
        LengthCase{"Explicit", kBert, R"({"max_seq_length":128})", R"({"model_max_length":512})",
                   128, kSentenceSource},
        LengthCase{"ExplicitOverTheTokenizers", kBert, R"({"max_seq_length":256})",
                   R"({"model_max_length":64})", 256, kSentenceSource},
        LengthCase{"ExplicitOverThePositions", kBert, R"({"max_seq_length":1000})", "", 512,
                   kPositionsSource},
        LengthCase{"ExplicitNull", kBert, R"({"max_seq_length":null})",
                   R"({"model_max_length":100})", 100, kTokenizerSource},
        LengthCase{"ExplicitDouble", kBert, R"({"max_seq_length":128.0})", "", 128,
                   kSentenceSource},
        LengthCase{"TokenizerArguments", kBert,
                   R"({"max_seq_length":128,"tokenizer_args":{"model_max_length":99}})", "", 99,
                   "sentence_bert_config.json tokenizer_args.model_max_length"},
        LengthCase{"ProcessorArguments", kBert, R"({"processor_kwargs":{"model_max_length":98}})",
                   "", 98, "sentence_bert_config.json processor_kwargs.model_max_length"},
        LengthCase{"Tokenizers", kBert, "", R"({"model_max_length":100})", 100, kTokenizerSource},
        LengthCase{"TokenizersOldName", kBert, "", R"({"max_len":100})", 100,
                   "tokenizer_config.json max_len"},
        LengthCase{"TokenizersOverThePositions", kBert, "", R"({"model_max_length":1024})", 512,
                   kPositionsSource},
        LengthCase{"TokenizersHugeInteger", kBert, "",
                   R"({"model_max_length":1000000000000000019884624838656})", 512,
                   kPositionsSource},
        LengthCase{"TokenizersHugeDouble", kBert, "", R"({"model_max_length":1e30})", 512,
                   kPositionsSource},
        LengthCase{"TokenizersInfinity", kBert, "", R"({"model_max_length":Infinity})", 512,
                   kPositionsSource},
        LengthCase{"TokenizersNull", kBert, "", R"({"model_max_length":null})", 512,
                   kPositionsSource},
        LengthCase{"NobodySaysAnything", R"({"model_type":"bert"})", "", "", 512, "default"},
        LengthCase{"NewKeysAreTolerated", kBert,
                   R"({"transformer_task":"feature-extraction","modality_config":{"text":
                       {"method":"forward","method_output_name":"last_hidden_state"}},
                       "module_output_name":"token_embeddings","unpad_inputs":true,
                       "query_length":null,"query_expansion":null,"processing_kwargs":{},
                       "model_kwargs":{"dtype":"float32"},"something_new":[1]})",
                   R"({"model_max_length":300})", 300, kTokenizerSource},
        LengthCase{"RobertaOffset", kRoberta, "", "", 512, kPositionsSource},
        LengthCase{"RobertaExplicit514", kRoberta, R"({"max_seq_length":514})", "", 512,
                   kPositionsSource},
        LengthCase{"RobertaTokenizer512", kRoberta, "", R"({"model_max_length":512})", 512,
                   kTokenizerSource},
        LengthCase{"XlmRoberta8194",
                   R"({"model_type":"xlm-roberta","max_position_embeddings":8194})", "",
                   R"({"model_max_length":8194})", 8192, kPositionsSource},
        LengthCase{"XlmRoberta8192",
                   R"({"model_type":"xlm-roberta","max_position_embeddings":8194})",
                   R"({"max_seq_length":8192})", "", 8192, kSentenceSource},
        LengthCase{"Camembert", R"({"model_type":"camembert","max_position_embeddings":514})", "",
                   "", 512, kPositionsSource},
        LengthCase{"MpnetCountsFromOne",
                   R"({"model_type":"mpnet","max_position_embeddings":514,"pad_token_id":7})", "",
                   "", 512, kPositionsSource},
        LengthCase{"DistilBert",
                   R"({"model_type":"distilbert","max_position_embeddings":512,"dim":8})", "", "",
                   512, kPositionsSource},
        LengthCase{"BertOf514IsNotRoberta",
                   R"({"model_type":"bert","max_position_embeddings":514,"pad_token_id":1})", "",
                   "", 514, kPositionsSource}),
    testing::PrintToStringParamName());

TEST(SentenceConfig, EveryFileNameIsRead) {
  for (const char* name : {"sentence_bert_config.json", "sentence_roberta_config.json",
                           "sentence_distilbert_config.json", "sentence_camembert_config.json",
                           "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
                           "sentence_xlnet_config.json"}) {
    const ModelDir dir;
    dir.Write(name, R"({"max_seq_length":33,"do_lower_case":true})");
    const ModelSpec spec = ReadModelSpec(dir.path(), nullptr);
    EXPECT_EQ(spec.max_length, 33) << name;
    EXPECT_TRUE(spec.do_lower_case) << name;
    EXPECT_EQ(spec.max_length_source, std::string(name) + " max_seq_length");
  }
}

TEST(SentenceConfig, TheFirstFileThatIsNotEmptyCounts) {
  const ModelDir dir;
  dir.Write("sentence_bert_config.json", "{}");
  dir.Write("sentence_roberta_config.json", R"({"max_seq_length":44})");
  dir.Write("sentence_xlnet_config.json", R"({"max_seq_length":55})");
  EXPECT_EQ(ReadModelSpec(dir.path(), nullptr).max_length, 44);
}

TEST(SentenceConfig, OfAPlainDirectoryIsNotRead) {
  // Parity: sentence-transformers reads it with modules.json only.
  const ModelDir dir;
  dir.Remove("modules.json");
  dir.Write("sentence_bert_config.json", R"({"max_seq_length":44})");
  EXPECT_EQ(ReadModelSpec(dir.path(), nullptr).max_length, 512);
}

TEST(SentenceConfig, OtherTasksAreRefused) {
  for (const char* config :
       {R"({"transformer_task":"fill-mask"})", R"({"transformer_task":"sequence-classification"})",
        R"({"transformer_task":"text-generation"})", R"({"transformer_task":"retrieval"})",
        R"({"module_output_name":"sentence_embedding"})",
        R"({"modality_config":{"text":{"method":"get_text_features"}}})",
        R"({"modality_config":{"text":{"method_output_name":"pooler_output"}}})",
        R"({"query_expansion":{"strategy":"fixed"}})", R"({"query_length":32})",
        R"({"document_length":180})", R"({"processing_kwargs":{"text":{"max_length":3}}})"}) {
    const ModelDir dir;
    dir.Write("sentence_bert_config.json", config);
    EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path(), nullptr); }),
                AllOf(StartsWith("unsupported: setting is not supported"),
                      HasSubstr("sentence_bert_config.json: field ")))
        << config;
  }
}

TEST(MaxLengthErrors, NameFileAndField) {
  const std::array<const char*, 3> cases[] = {
      {"sentence_bert_config.json", R"({"max_seq_length":"512"})", "field max_seq_length"},
      {"sentence_bert_config.json", R"({"max_seq_length":0})", "found 0, expected a positive"},
      {"sentence_bert_config.json", R"({"max_seq_length":-1})", "found -1, expected a positive"},
      {"sentence_bert_config.json", R"({"max_seq_length":1.5})", "found 1.5, expected a whole"},
      {"sentence_bert_config.json", R"({"max_seq_length":NaN})", "expected a positive"},
      {"sentence_bert_config.json", R"({"do_lower_case":"yes"})", "field do_lower_case"},
      {"sentence_bert_config.json", "[]", "found an array, expected an object"},
      {"sentence_bert_config.json", R"({"tokenizer_args":3})", "field tokenizer_args"},
      {"tokenizer_config.json", R"({"model_max_length":"x"})", "field model_max_length"},
      {"tokenizer_config.json", R"({"model_max_length":0})", "found 0, expected a positive"},
      {"tokenizer_config.json", "[]", "found an array, expected an object"},
      {"config.json", R"({"model_type":"bert","max_position_embeddings":"512"})",
       "field max_position_embeddings"},
      {"config.json", R"({"model_type":"bert","max_position_embeddings":0})",
       "field max_position_embeddings"},
      {"config.json", R"({"model_type":"bert","max_position_embeddings":99999999999})",
       "field max_position_embeddings"},
      {"config.json", R"({"model_type":"roberta","max_position_embeddings":2})", "leaves no room"},
      {"config.json", R"({"model_type":"mpnet","max_position_embeddings":2})", "leaves no room"},
      {"config.json", R"({"model_type":"roberta","pad_token_id":-1})", "field pad_token_id"},
  };
  for (const auto& [file, content, message] : cases) {
    const ModelDir dir;
    dir.Write(file, content);
    EXPECT_THAT(test::Thrown([&] { return ReadModelSpec(dir.path(), nullptr); }),
                AllOf(StartsWith("corrupt_data: "), HasSubstr(message), HasSubstr(file)))
        << content;
  }
}

}  // namespace
}  // namespace bge
