// Settings of the Transformer module itself: how long texts may be, and how they are lower-cased.
#ifndef BGE_ENGINE_TRANSFORMER_OPTIONS_H_
#define BGE_ENGINE_TRANSFORMER_OPTIONS_H_

#include "engine/known_models.h"
#include "engine/model_files.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace bge {

/// What the transformer is for: vectors of texts, scores of pairs, vectors of tokens, or logits of
/// words.
enum class TransformerTask { kFeatureExtraction, kSequenceClassification, kMultiVector, kFillMask };

/// What sentence_bert_config.json, or one of its older names, says.
struct TransformerOptions {
  std::optional<int64_t> max_seq_length;
  std::string max_seq_length_source;  // "sentence_bert_config.json max_seq_length"
  bool do_lower_case = false;
  /// The file that was read, for fields that only some tasks have; null where there is none.
  std::shared_ptr<const json::Document> document;
  std::string file;          // its name, relative to the model directory
  bool states_task = false;  ///< it has a transformer_task, the one that was asked for
};

/// Reads the file in `folder` (relative; "" is the model directory itself). Error(kUnsupported) for
/// settings that change the vectors in ways that this build does not have.
TransformerOptions ReadTransformerOptions(
    const std::filesystem::path& folder, ModelFiles* files,
    TransformerTask task = TransformerTask::kFeatureExtraction);

/// model_max_length of tokenizer_config.json in `folder`, where it is sane, and the field's name;
/// nullopt where there is none.
struct TokenizerLength {
  int64_t tokens = 0;
  std::string field;
};
std::optional<TokenizerLength> ReadTokenizerLength(const std::filesystem::path& folder,
                                                   ModelFiles* files);

/// The most tokens a text may have, special tokens included.
struct MaxLength {
  int64_t tokens = 0;
  std::string source;  // file and field
};

/// options.max_seq_length, else model_max_length of tokenizer_config.json where it is sane, else
/// the known model's; never more than the positions that `config` (config.json's root) has. `known`
/// may be nullptr.
MaxLength ResolveMaxLength(const TransformerOptions& options, json::Value config,
                           const std::filesystem::path& folder, const KnownModel* known,
                           ModelFiles* files);

}  // namespace bge

#endif  // BGE_ENGINE_TRANSFORMER_OPTIONS_H_
