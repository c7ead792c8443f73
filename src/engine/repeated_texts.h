// Texts of one call that come to the same tokens: computed once, copied to the others.
#ifndef BGE_ENGINE_REPEATED_TEXTS_H_
#define BGE_ENGINE_REPEATED_TEXTS_H_

#include "engine/packed_batch.h"

#include <cstdint>
#include <vector>

namespace bge {

/// Every text of a call once: either it is computed, or its vector is another's.
struct RepeatedTexts {
  struct Copy {
    int64_t from;  // computed
    int64_t to;
  };
  std::vector<int64_t> computed;  // ascending
  std::vector<Copy> copies;       // `to` ascending
};

/// A text whose ids and type ids equal an earlier text's is a copy. Takes constant time a text
/// whatever the texts are: equal hashes are compared with the first text of that hash alone, so
/// that a collision costs a second computation and no search.
RepeatedTexts FindRepeatedTexts(const TokenizedTexts& texts);

}  // namespace bge

#endif  // BGE_ENGINE_REPEATED_TEXTS_H_
