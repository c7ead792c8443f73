// What the fast paths have in common: stages done in one pass over a text.
#ifndef BGE_TOKENIZER_FAST_PATH_H_
#define BGE_TOKENIZER_FAST_PATH_H_

#include <cstdint>
#include <string_view>

namespace bge::tokenizer {

/// A text, or a part of one.
struct FastPathInput {
  std::string_view text;         // valid UTF-8
  bool complete = true;          // false: its last word may go on behind it
  uint32_t first_character = 0;  // its number in the original; it matters for offsets only
  bool starts_text = true;       // nothing of the original lies in front of it
};

enum class FastPathStatus {
  kDone,     ///< all is read, but for the last word of an incomplete text
  kMore,     ///< the limit is reached, and there is at least one token more
  kRefused,  ///< only the general path can do this text; what was appended does not count
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_FAST_PATH_H_
