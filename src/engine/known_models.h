// What is known of published models beside their files: pooling, instructions, lengths.
#ifndef BGE_ENGINE_KNOWN_MODELS_H_
#define BGE_ENGINE_KNOWN_MODELS_H_

#include "bge/types.h"

#include "base/json.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bge {

/// A row of the table in known_models.cc. Every string lives for ever.
struct KnownModel {
  std::string_view repo;        // "BAAI/bge-small-en-v1.5"
  std::string_view model_type;  // of its config.json
  int64_t hidden_size;
  Pooling pooling;
  int64_t max_length;                  // tokens
  std::string_view query_instruction;  // what queries begin with; empty: nothing
  std::string_view document_instruction;
  /// How an instruction and a query make one text: the first {} is the instruction, the second the
  /// query.
  std::string_view query_format = "{}{}";
  // Of its config.json, where known for sure; 0: not checked.
  int64_t num_layers = 0;
  int64_t vocab_size = 0;  // before tokens were added

  /// What is put before a query: the instruction in its format.
  std::string QueryPrefix() const;
};

std::span<const KnownModel> KnownModels();

/// A recognised model, and what it was recognised by.
struct Recognition {
  std::string name;  // the repository that the directory is of, or the row's
  const KnownModel* model = nullptr;
  std::string source;  // "known model BAAI/bge-small-en (by config.json _name_or_path)"
};

/// Looks, in this order, at the hub cache path of `dir`, its folder name (of "checkpoint-500": the
/// parent's), README.md's model-index, _name_or_path in config.json, and README.md's base_model. A
/// row counts only where its model_type and hidden size, and its layers and vocabulary as far as
/// the table knows them, are those of `config`, the root of config.json. A folder name gives way,
/// and on_warning is told, where _name_or_path or base_model is of a row with another pooling, or
/// names a model that is not in the table and the folder's is not mean pooled.
std::optional<Recognition> RecognizeModel(const std::filesystem::path& dir, json::Value config,
                                          const WarningSink& on_warning);

/// The row that a name or path such as "BAAI/bge-small-en", "/models/BAAI_bge-small-en/" or
/// ".../models--BAAI--bge-small-en/snapshots/..." ends in; nullptr where none does. Case does not
/// count.
const KnownModel* FindKnownModel(std::string_view name_or_path);

}  // namespace bge

#endif  // BGE_ENGINE_KNOWN_MODELS_H_
