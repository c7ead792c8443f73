// White space at the ends of tokens, which ByteLevel and RobertaProcessing leave out of offsets.
#ifndef BGE_TOKENIZER_END_SPACES_H_
#define BGE_TOKENIZER_END_SPACES_H_

#include "tokenizer/unicode.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bge::tokenizer {

/// Characters of white space, where Ġ (a space in ByteLevel's alphabet) is one too. If all are,
/// both say so. Long runs are counted up to 65,535.
struct EndSpaces {
  uint32_t leading = 0;
  uint32_t trailing = 0;
};

/// Those of `token`, valid UTF-8. Time is that of the white space only.
EndSpaces CountEndSpaces(std::string_view token);

/// Counts for ranges of one text whose begins ascend, and that overlap in white space only: all
/// together in the time that the text takes once.
class EndSpaceCounter {
 public:
  explicit EndSpaceCounter(std::string_view text) : text_(text) {}
  EndSpaces Count(size_t begin, size_t end);

 private:
  std::string_view text_;
  size_t at_ = 0, end_ = 0;  // a run of white space, from where it was last asked for
  size_t characters_ = 0;    // in it
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_END_SPACES_H_
