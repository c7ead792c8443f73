// --explain: what is in force for the texts of a command, and where each setting came from.
#ifndef BGE_APPS_EXPLAIN_H_
#define BGE_APPS_EXPLAIN_H_

#include "bge/embedder.h"

#include "apps/embedding_flags.h"

#include <string>
#include <string_view>
#include <vector>

namespace bge::cli {

/// A setting: "max length", "512 tokens", "tokenizer_config.json: field model_max_length".
struct Setting {
  std::string name;
  std::string value;
  std::string source;
};

/// What happens to texts that `model` encodes as `flags` ask. `source` is where those flags came
/// from where it was not the command line ("the index"), for the settings that `typed`, the flags
/// as they were typed, leave open.
std::vector<Setting> ExplainEncoding(const Embedder& model, const EmbeddingFlags& flags,
                                     const EmbeddingFlags& typed, std::string_view source = {});

/// Prints them on standard error, a line each, where flags.explain asks.
void Explain(const Embedder& model, const EmbeddingFlags& flags, const EmbeddingFlags& typed,
             std::string_view source = {});

}  // namespace bge::cli

#endif  // BGE_APPS_EXPLAIN_H_
