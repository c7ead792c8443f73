// Tokens and their ids, both ways.
#ifndef BGE_TOKENIZER_MODEL_VOCABULARY_H_
#define BGE_TOKENIZER_MODEL_VOCABULARY_H_

#include "base/json.h"
#include "tokenizer/model/piece_table.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bge::tokenizer {

/// Immutable; thread-safe. Memory is bounded by the size of the file, whatever its ids are.
class Vocabulary {
 public:
  /// An object of token: id. The last of equal tokens counts, ids may have holes.
  static Vocabulary FromJson(const json::Value& object);
  /// Token i has id i. `where` names the file.
  static Vocabulary FromTokens(const std::vector<std::string_view>& tokens, std::string_view where);

  std::optional<int32_t> Find(std::string_view token) const;
  /// Where several tokens have the id, the last of the file.
  std::optional<std::string_view> Token(int32_t id) const;
  /// Number of different tokens.
  size_t size() const { return size_; }
  /// No two of them have the same id.
  bool ids_are_unique() const { return by_id_.size() == size_; }

  /// Every token with its id, in the order of the file, overwritten ones excluded.
  std::vector<std::pair<std::string_view, int32_t>> Entries() const;

 private:
  struct Entry {
    uint32_t offset, size;  // of the token in text_
    int32_t id;
  };
  void Index(std::string_view where);
  std::string_view TextOf(const Entry& entry) const {
    return std::string_view(text_).substr(entry.offset, entry.size);
  }

  std::string text_;
  std::vector<Entry> entries_;   // in the order of the file
  std::vector<uint32_t> by_id_;  // indices of entries_, ids ascending, one for each id
  PieceTable table_;             // token to index in entries_
  size_t size_ = 0;
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_MODEL_VOCABULARY_H_
