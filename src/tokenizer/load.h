// Building a tokenizer from the files of a model directory.
#ifndef BGE_TOKENIZER_LOAD_H_
#define BGE_TOKENIZER_LOAD_H_

#include "bge/tokenizer.h"
#include "bge/types.h"

#include "tokenizer/tokenizer_impl.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bge::tokenizer {

struct LoadOptions {
  /// Lower-case before everything else: what sentence-transformers does for do_lower_case in
  /// sentence_bert_config.json. Without effect where the normalizer holds a Lowercase already.
  bool lowercase_first = false;
  /// Told where files contradict each other.
  WarningSink on_warning;
  /// Texts that some checkpoints of late interaction have been trained with as one token, whatever
  /// normalisation makes of them. Each, or else its first word, that the tokenizer knows as a token
  /// and reads as something else becomes a special token that is looked for in the text as given.
  /// (sentence-transformers 6.2, MultiVectorEncoder._register_prefix_tokens.)
  std::vector<std::string> markers = {};
};

/// As Tokenizer::Load, for src/engine, which knows more about the model.
Tokenizer LoadTokenizer(const std::filesystem::path& path, const LoadOptions& options);

/// Whether the folder has an entry of that name. A link that leads nowhere is one, and reading it
/// is an error: another file must not silently stand in for it.
bool HasEntry(const std::filesystem::path& path);

// The steps of it, for tests.

/// The stages that a tokenizer.json states. Padding is ignored, of truncation the direction counts.
/// With `exact_unk_id`, a Unigram model is MakeExactUnigram's.
Tokenizer::Impl::Stages StagesFromJson(const json::Value& root,
                                       std::optional<int32_t> exact_unk_id = std::nullopt);

/// Adds the Lowercase of LoadOptions and puts the stages together.
Tokenizer BuildTokenizer(Tokenizer::Impl::Stages stages, const LoadOptions& options);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_LOAD_H_
