// The special tokens of a model's tokenizer by what they are for.
#ifndef BGE_ENGINE_SPECIAL_TOKENS_H_
#define BGE_ENGINE_SPECIAL_TOKENS_H_

#include "bge/tokenizer.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bge {

/// The cls, eos, pad and unk tokens: as tokenizer_config.json or special_tokens_map.json in `dir`
/// says, else those that transformers gives the tokenizers of BERT and RoBERTa, as far as the
/// tokenizer has them. Error(kCorruptData) for fields of another type.
std::vector<std::string> SpecialTokens(const std::filesystem::path& dir,
                                       const Tokenizer& tokenizer);

/// The mask token as the files in `dir` say, else that of BERT or RoBERTa, else the eos token, as
/// far as the tokenizer has them; nullopt where it has none.
std::optional<std::string> MaskToken(const std::filesystem::path& dir, const Tokenizer& tokenizer);

}  // namespace bge

#endif  // BGE_ENGINE_SPECIAL_TOKENS_H_
