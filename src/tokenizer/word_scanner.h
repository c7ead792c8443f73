// The regular expressions of well-known tokenizers, written out by hand.
#ifndef BGE_TOKENIZER_WORD_SCANNER_H_
#define BGE_TOKENIZER_WORD_SCANNER_H_

#include <cstddef>
#include <string_view>

namespace bge::tokenizer {

/// The end of the match that starts at byte `at` of `text`, which is valid UTF-8 and longer. These
/// expressions match at every character, so that one match starts where another ends. A character
/// is what the Oniguruma in tokenizers 0.23.3 takes it for (RegexClasses).
using WordScanner = size_t (*)(std::string_view text, size_t at);

/// GPT-2's expression, which ByteLevel uses.
size_t ScanGpt2Word(std::string_view text, size_t at);

/// The scanner for a regular expression, letter by letter one of those known; nullptr where there
/// is none.
WordScanner FindWordScanner(std::string_view pattern);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_WORD_SCANNER_H_
