// How many tokens of a text, or of each text of a pair, stay.
//
// Follows tokenizers/src/utils/truncation.rs of Hugging Face tokenizers 0.23.
#ifndef BGE_TOKENIZER_TRUNCATION_H_
#define BGE_TOKENIZER_TRUNCATION_H_

#include "bge/tokenizer.h"

#include <cstddef>
#include <optional>

namespace bge::tokenizer {

/// The end that loses tokens; tokenizer.json's truncation.direction.
enum class TruncationDirection { kLeft, kRight };

struct KeptTokens {
  size_t first = 0;
  size_t second = 0;
};

/// Tokens to keep of `first` and, in a pair, `second`, so that at most `most` stay. Error
/// (kInvalidArgument) where the strategy's text cannot lose enough.
KeptTokens Truncate(size_t first, std::optional<size_t> second, size_t most,
                    TruncationStrategy strategy);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_TRUNCATION_H_
