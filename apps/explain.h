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

/// Where flags came from that were not typed; an empty one says that nothing else sets them.
struct FlagSources {
  std::string_view space = {};      ///< the model, length, pooling and dimension: "the index"
  std::string_view normalize = {};  ///< length 1
  std::string_view documents = {};  ///< the role, what is put in front, and the type
};

/// What happens to texts that `model` encodes as `flags` ask; `sources` for the settings that
/// `typed`, the flags as they were typed, leave open.
std::vector<Setting> ExplainEncoding(const Embedder& model, const EmbeddingFlags& flags,
                                     const EmbeddingFlags& typed, const FlagSources& sources = {});

/// Prints them on standard error, a line each, where flags.explain asks.
void Explain(const Embedder& model, const EmbeddingFlags& flags, const EmbeddingFlags& typed,
             const FlagSources& sources = {});

}  // namespace bge::cli

#endif  // BGE_APPS_EXPLAIN_H_
