// What a model directory says about itself, read and checked before any weight is touched.
//
// The rules are sentence-transformers' (old and new key spellings) and transformers'; see
// docs/models.md for which file decides what.
#ifndef BGE_ENGINE_MODEL_SPEC_H_
#define BGE_ENGINE_MODEL_SPEC_H_

#include "bge/types.h"

#include "base/json.h"
#include "engine/multi_vector_spec.h"
#include "engine/sparse_modules.h"
#include "heads/module_spec.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bge {

/// Tokens of a text, where nobody limits them.
inline constexpr int64_t kNoTokenLimit = int64_t{1} << 40;

struct ModelSpec {
  std::filesystem::path dir;              // the model directory
  std::filesystem::path transformer_dir;  // where config.json, tokenizer and weights are
  std::string name;    // "BAAI/bge-small-en-v1.5" where recognised, else the folder's name
  bool known = false;  // a row of the table of known models
  std::shared_ptr<const json::Document> config;  // config.json of the transformer, or {}
  int64_t max_length = 0;                        // before the encoder's own clamp
  std::string max_length_source;
  bool do_lower_case = false;  // sentence_bert_config.json: a Lowercase in front of the tokenizer
  std::vector<ModuleSpec> modules;  // begins with a PoolingModule; empty: no dense vectors
  std::optional<MultiVectorSpec> multi_vector;  // of a model of token vectors alone
  std::optional<SparseSpec> sparse;             // of a sparse encoder
  std::vector<std::string> module_names;        // "Transformer", "Pooling", ...: as listed
  std::map<std::string, std::string> prompts;
  std::string default_prompt_name;
  std::string query_instruction;  // of Role::kQuery
  std::string document_instruction;
  std::string instruction_source;
  std::string similarity = "cosine";
  std::optional<int64_t> truncate_dim;  // config_sentence_transformers.json
  std::vector<std::string> files;       // read so far, relative to dir

  // Whether there is no transformer: a sparse encoder of weights of tokens alone.
  bool is_static() const { return sparse && sparse->is_static; }
};

/// Reads the configuration files of `dir`. `splade`: as EmbedderOptions. Error naming file, field,
/// found and expected; kUnsupported for a module or model type that this build does not have.
ModelSpec ReadModelSpec(const std::filesystem::path& dir, const WarningSink& on_warning,
                        bool splade = false);

}  // namespace bge

#endif  // BGE_ENGINE_MODEL_SPEC_H_
