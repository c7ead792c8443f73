// Reading the files beside a tokenizer: tokenizer_config.json, special_tokens_map.json,
// config.json.
//
// Follows transformers 5.23 (tokenization_utils_base.py) in what is absent, null or a token.
#ifndef BGE_TOKENIZER_DIRECTORY_CONFIG_H_
#define BGE_TOKENIZER_DIRECTORY_CONFIG_H_

#include "base/json.h"
#include "tokenizer/added_vocabulary.h"
#include "tokenizer/truncation.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

namespace bge::tokenizer {

using DocumentPtr = std::shared_ptr<const json::Document>;

/// The file's document where there is such a file, and it holds an object; null where there is
/// none.
DocumentPtr LoadIfPresent(const std::filesystem::path& path);

/// A member of the document's object that is not null; nullopt without a document.
std::optional<json::Value> Member(const DocumentPtr& document, std::string_view key);
bool BoolOr(const DocumentPtr& document, std::string_view key, bool otherwise);

/// truncation_side of tokenizer_config.json.
TruncationDirection DirectionFromConfig(const DocumentPtr& config, TruncationDirection otherwise);

/// A token given as a string, or as an object with its flags.
AddedToken ReadToken(const json::Value& json, bool special);

/// `text`, the name of the member `where`, as a token id. Error(kCorruptData).
int64_t ParseId(std::string_view text, const json::Value& where);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_DIRECTORY_CONFIG_H_
