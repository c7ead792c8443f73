// Texts of one call that come to the same tokens: computed once, copied to the others.
#ifndef BGE_ENGINE_REPEATED_TEXTS_H_
#define BGE_ENGINE_REPEATED_TEXTS_H_

#include "engine/tokenized_texts.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bge {

/// Every text of a window once: either it is computed, or its vector is another's.
struct RepeatedTexts {
  struct Copy {
    int64_t from;  // computed in this window or an earlier one
    int64_t to;
  };
  std::vector<int64_t> computed;  // ascending
  std::vector<Copy> copies;       // `to` ascending
};

/// Finds the texts whose ids and type ids equal those of an earlier text of the call. Of an earlier
/// window only the texts themselves are still there: they must then be equal, byte for byte.
///
/// Takes constant time a text whatever the texts are: equal hashes are compared with the first text
/// of that hash alone, so that a collision costs a second computation and no search. Single thread.
class RepeatFinder {
 public:
  /// `texts`: all of the call; they must outlive the finder.
  explicit RepeatFinder(std::span<const std::string_view> texts);
  /// The call's windows, one after another.
  RepeatedTexts Find(const TokenizedTexts& window);

 private:
  std::span<const std::string_view> texts_;
  std::unordered_map<uint64_t, int64_t> first_with_hash_;
};

}  // namespace bge

#endif  // BGE_ENGINE_REPEATED_TEXTS_H_
