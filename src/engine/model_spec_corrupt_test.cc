// Damaged configuration files: an error of one line, or a model that reads well; nothing else.
#include "engine/model_spec.h"
#include "tests/expect_error.h"
#include "tests/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <random>

namespace bge {
namespace {

using test::ModelDir;

// Every file that ReadModelSpec reads, with every field that it looks at.
struct ConfigFile {
  const char* path;
  const char* content;
  int directory = 0;  // of these it is in: a dense model, then the three layouts of token vectors
};
constexpr int kStanford = 3;
constexpr ConfigFile kFiles[] = {
    {"modules.json",
     R"([{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
         {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
         {"idx":2,"name":"2","path":"2_Dense","type":"sentence_transformers.models.Dense"},
         {"idx":3,"name":"3","path":"3_LayerNorm","type":"sentence_transformers.models.LayerNorm"},
         {"idx":4,"name":"4","path":"4_Normalize","type":"sentence_transformers.models.Normalize"}])"},
    {"config.json",
     R"({"architectures":["BertModel"],"model_type":"roberta","hidden_size":8,"pad_token_id":1,
         "max_position_embeddings":514,"_name_or_path":"x/y","id2label":{"0":"a"}})"},
    {"config_sentence_transformers.json",
     R"({"model_type":"SentenceTransformer","prompts":{"query":"q: ","document":null},
         "default_prompt_name":"query","similarity_fn_name":"dot","truncate_dim":4})"},
    {"sentence_bert_config.json",
     R"({"max_seq_length":128,"do_lower_case":true,"transformer_task":"feature-extraction",
         "module_output_name":"token_embeddings","modality_config":{"text":{"method":"forward",
         "method_output_name":"last_hidden_state"}},"tokenizer_args":{"model_max_length":100},
         "query_length":null,"processing_kwargs":{"text":{}}})"},
    {"tokenizer_config.json", R"({"model_max_length":1e30,"max_len":512})"},
    {"1_Pooling/config.json",
     R"({"word_embedding_dimension":8,"embedding_dimension":8,"pooling_mode":["cls","mean"],
         "pooling_mode_cls_token":true,"include_prompt":false})"},
    {"2_Dense/config.json",
     R"({"in_features":16,"out_features":4,"bias":true,"use_residual":false,
         "activation_function":"torch.nn.modules.activation.Tanh",
         "module_input_name":"sentence_embedding","module_output_name":"sentence_embedding"})"},
    {"3_LayerNorm/config.json", R"({"dimension":4})"},
    {"4_Normalize/config.json", R"({"module_input_name":"sentence_embedding"})"},
    {"README.md", "---\nbase_model:\n- BAAI/bge-small-en\nmodel-index:\n- name: x\n---\n"},
    {"modules.json",
     R"([{"path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},
         {"path":"1_Dense","type":"sentence_transformers.base.modules.dense.Dense"},
         {"path":"2_Mask",
          "type":"sentence_transformers.multi_vector_encoder.modules.MultiVectorMask"},
         {"path":"3_Normalize","type":"sentence_transformers.base.modules.Normalize"}])",
     1},
    {"config.json", R"({"model_type":"bert","hidden_size":8})", 1},
    {"config_sentence_transformers.json",
     R"({"model_type":"MultiVectorEncoder","prompts":{"query":"q: ","document":null},
         "default_prompt_name":"query","similarity_fn_name":"meanmaxsim"})",
     1},
    {"sentence_bert_config.json",
     R"({"query_length":40,"document_length":100,"query_expansion":{"strategy":"min",
         "attend":true,"token":"x","length":32}})",
     1},
    {"1_Dense/config.json",
     R"({"in_features":8,"out_features":4,"module_input_name":"token_embeddings",
         "module_output_name":null,"activation_function":"torch.nn.modules.linear.Identity"})",
     1},
    {"2_Mask/config.json",
     R"({"skiplist_words":[".","?"],"skiplist_tasks":["document"],"keep_only_token_ids":[1]})", 1},
    {"3_Normalize/config.json", R"({"module_input_name":"token_embeddings"})", 1},
    {"modules.json",
     R"([{"path":"","type":"sentence_transformers.models.Transformer"},
         {"path":"1_Dense","type":"pylate.models.Dense.Dense"}])",
     2},
    {"config.json", R"({"model_type":"bert","hidden_size":8})", 2},
    {"config_sentence_transformers.json",
     R"({"model_type":"ColBERT","query_prefix":"[Q] ","document_prefix":"[D] ","query_length":32,
         "document_length":180,"attend_to_expansion_tokens":false,"skiplist_words":["!"],
         "do_query_expansion":true,"prompts":{"query":"[Q] x"}})",
     2},
    {"1_Dense/config.json", R"({"in_features":8,"out_features":4,"bias":false})", 2},
    {"config.json", R"({"architectures":["HF_ColBERT"],"model_type":"bert","hidden_size":8})",
     kStanford},
    {"artifact.metadata",
     R"({"query_token_id":"[unused0]","doc_token_id":"[unused1]","query_maxlen":32,
         "doc_maxlen":180,"mask_punctuation":true,"attend_to_mask_tokens":false})",
     kStanford},
};

class CorruptConfigs : public testing::TestWithParam<ConfigFile> {
 protected:
  CorruptConfigs() {
    if (GetParam().directory > 0) dir_.Remove("1_Pooling");
    if (GetParam().directory == kStanford) dir_.Remove("modules.json");
    for (const ConfigFile& file : kFiles) {
      if (file.directory == GetParam().directory) dir_.Write(file.path, file.content);
    }
    // The damaged file is a link to one in memory: writing to it costs nothing.
    link_ = dir_.path() / GetParam().path;
    std::filesystem::remove(link_);
    std::filesystem::create_symlink(memory_.Write(GetParam().content), link_);
  }
  // The error, after checking its form.
  std::optional<Error> Read(std::string_view content) {
    memory_.Write(content);
    auto error = test::ErrorOf([&] { return ReadModelSpec(dir_.path(), nullptr); });
    if (error) {
      EXPECT_TRUE(test::IsOneLine(error->what())) << error->what();
      EXPECT_NE(error->code(), ErrorCode::kInternal) << error->what();
      EXPECT_THAT(error->what(), testing::HasSubstr(dir_.path().string()));
    }
    return error;
  }
  bool IsJson() const { return std::string_view(GetParam().path) != "README.md"; }

  test::FollowedLinks following_;  // to the file in memory
  ModelDir dir_;
  test::MemoryFile memory_;
  std::filesystem::path link_;
};

TEST_P(CorruptConfigs, TheWholeFileIsRead) {
  const auto error = Read(GetParam().content);
  EXPECT_FALSE(error) << error->what();
}

TEST_P(CorruptConfigs, EveryTruncation) {
  const std::string_view content = GetParam().content;
  for (size_t size = 0; size < content.size(); ++size) {
    const auto error = Read(content.substr(0, size));
    ASSERT_TRUE(error || !IsJson()) << "cut to " << size << " bytes";
  }
}

// Each byte four times, with replacements that take turns: a directory is read for each.
TEST_P(CorruptConfigs, EveryByteDamaged) {
  const std::string content = GetParam().content;
  constexpr std::string_view kReplacements("{}[],:0-.\\e \n\0\x80\xff", 16);
  for (size_t at = 0; at < content.size(); ++at) {
    for (const char replacement :
         {'"', kReplacements[at % kReplacements.size()], kReplacements[(at * 7 + 5) % 16],
          static_cast<char>(content[at] ^ (1 << (at % 8)))}) {
      std::string damaged = content;
      damaged[at] = replacement;
      Read(damaged);
    }
  }
}

// Each value of the file, in turn, as a value of every other type.
TEST_P(CorruptConfigs, EveryFieldWithEveryWrongType) {
  if (!IsJson()) return;
  const std::string content = GetParam().content;
  size_t errors = 0;
  for (size_t at = content.find(':'); at != std::string::npos; at = content.find(':', at + 1)) {
    // The value ends before the comma or bracket at its own depth.
    size_t end = at + 1;
    int depth = 0;
    bool in_string = false;
    for (; end < content.size(); ++end) {
      const char c = content[end];
      if (c == '"') in_string = !in_string;
      if (in_string) continue;
      if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
      depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    }
    for (const char* value :
         {"null", "true", "0", "-1", "1.5", "1e300", "NaN", "99999999999999999999", R"("")",
          R"("text")", "[]", "[1]", "{}", R"({"a":1})", R"("\ud800\u0000\n")"}) {
      errors += Read(content.substr(0, at + 1) + value + content.substr(end)).has_value();
    }
  }
  EXPECT_GT(errors, 0u);
}

TEST_P(CorruptConfigs, RandomBytes) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 150; ++round) {
    std::string damaged = GetParam().content;
    for (size_t i = 0, edits = 1 + random() % 8; i < edits && !damaged.empty(); ++i) {
      const size_t at = random() % damaged.size();
      if (random() % 3 == 0) {
        damaged.erase(at, 1 + random() % 16);
      } else if (random() % 2 == 0) {
        damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 40));
      } else {
        damaged[at] = static_cast<char>(random());
      }
    }
    Read(damaged);
  }
}

std::string CaseName(const testing::TestParamInfo<ConfigFile>& file) {
  constexpr const char* kDirectories[] = {"", "TokenVectors_", "PyLate_", "Stanford_"};
  std::string name = kDirectories[file.param.directory] + std::string(file.param.path);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, CorruptConfigs, testing::ValuesIn(kFiles), CaseName);

TEST(CorruptConfig, ADirectoryInPlaceOfAFileIsAnError) {
  for (const char* file : {"config.json", "modules.json", "tokenizer_config.json"}) {
    const ModelDir dir;
    dir.Remove(file);
    dir.Write(std::string(file) + "/x", "");
    EXPECT_TRUE(test::ErrorOf([&] { return ReadModelSpec(dir.path(), nullptr); })) << file;
  }
}

}  // namespace
}  // namespace bge
