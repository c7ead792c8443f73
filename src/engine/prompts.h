// The prompts that config_sentence_transformers.json holds, of every kind of model.
#ifndef BGE_ENGINE_PROMPTS_H_
#define BGE_ENGINE_PROMPTS_H_

#include "base/json.h"

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace bge {

struct Prompts {
  std::map<std::string, std::string> texts;  ///< by name; of null: empty
  std::string default_name;                  ///< a key of texts; empty: none
};

/// Parity: sentence-transformers gives every embedding model these two, empty, but no CrossEncoder.
inline constexpr std::string_view kEmbedderPrompts[] = {"query", "document"};

/// `config` is the file's root. The default may also be one of `implied`, which is then empty.
/// Error(kCorruptData) for another name, or another type.
Prompts ReadPrompts(json::Value config, std::span<const std::string_view> implied);

}  // namespace bge

#endif  // BGE_ENGINE_PROMPTS_H_
