// A text under normalisation, which knows for every byte where in the original it came from.
//
// It follows tokenizers/src/tokenizer/normalizer.rs of Hugging Face tokenizers 0.23: alignments
// move by position, not by meaning, and the offsets that users see depend on exactly how.
#ifndef BGE_TOKENIZER_NORMALIZED_STRING_H_
#define BGE_TOKENIZER_NORMALIZED_STRING_H_

#include "bge/tokenizer.h"

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

class Mapped;

/// A character of the text after a change, and what it does to the characters before the change:
/// 0 takes the place of one, -n of one and the n that follow it, 1 of none (it is new and belongs
/// to the character in front).
struct CharacterChange {
  char32_t character;
  int64_t change;
};

/// Valid UTF-8 that is being normalised. Single thread.
class NormalizedString {
 public:
  /// `text` is valid UTF-8; its first character is number `first_character` of the original. All
  /// that is done to it from here on ends with Error(kCancelled) when `stop` asks; it may be null
  /// and must last as long.
  void Assign(std::string_view text, uint32_t first_character,
              const std::stop_token* stop = nullptr);

  const std::string& text() const { return text_; }
  /// Range of original characters that each byte of text() stands for.
  const std::vector<Offset>& origins() const { return origins_; }
  const std::stop_token* stop() const { return stop_; }
  bool empty() const { return text_.empty(); }
  /// All bytes are below `limit`, and Transform would leave no characters in front as they are.
  bool HasBytesBelow(unsigned char limit) const;

  /// Replaces the text by the characters of `changes`, where the first `removed_at_start`
  /// characters of the present text are gone.
  void Transform(std::span<const CharacterChange> changes, size_t removed_at_start);

  /// Keeps the characters for which keep(char32_t) is true.
  template <typename Keep>
  void Filter(Keep&& keep);
  /// Replaces each character c by replace(c), a char32_t.
  template <typename F>
  void Map(F&& replace);
  /// Replaces each character c by the characters of map(c).
  void MapToMany(Mapped (*map)(char32_t));

  // What makes a text longer throws Error(kUnsupported) where it would grow to more than 64 times
  // what was assigned, and 1 MiB: one stage after the other can double it each time.

  /// That error, where the text became that many bytes.
  void CheckGrowth(size_t bytes) const;

  /// Puts `prefix` in front of a text that is not empty; it belongs to the first character.
  void Prepend(std::string_view prefix);
  /// Replaces the ranges of bytes that for_each(replace) calls replace(size_t begin, size_t end)
  /// with, in ascending order; they may be empty.
  template <typename ForEachMatch>
  void ReplaceMatches(std::string_view content, ForEachMatch&& for_each);
  /// Removes white space at the ends.
  void Strip(bool left, bool right);

  /// Calls f(char32_t) for each character.
  template <typename F>
  void ForEach(F&& f) const;

 private:
  void BeginReplacing();
  void KeepRange(size_t begin, size_t end);
  void InsertBehind(size_t end, std::string_view content, size_t step);
  void EndReplacing();
  // With room for the text as it is: growing a vector of a huge text cannot be stopped.
  void ClearChanges() {
    changes_.clear();
    changes_.reserve(text_.size());
  }

  const std::stop_token* stop_ = nullptr;
  uint32_t first_character_ = 0;
  size_t assigned_bytes_ = 0;
  std::string text_;
  std::vector<Offset> origins_;
  std::vector<CharacterChange> changes_;  // scratch
  std::string new_text_;                  // scratch
  std::vector<Offset> new_origins_;       // scratch
};

}  // namespace bge::tokenizer

#include "base/stop.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {

template <typename F>
void NormalizedString::ForEach(F&& f) const {
  const char* p = text_.data();
  const char* const end = p + text_.size();
  for (size_t step = 0; p < end; ++step) {
    ThrowIfStopped(stop_, step);
    f(DecodeUtf8(p));
  }
}

template <typename Keep>
void NormalizedString::Filter(Keep&& keep) {
  ClearChanges();
  int64_t removed = 0;
  size_t removed_at_start = 0;
  ForEach([&](char32_t c) {
    if (!keep(c)) {
      ++removed;
      return;
    }
    if (changes_.empty()) {
      removed_at_start = static_cast<size_t>(removed);
    } else {
      changes_.back().change = -removed;
    }
    changes_.push_back({c, 0});
    removed = 0;
  });
  if (!changes_.empty()) changes_.back().change = -removed;
  Transform(changes_, removed_at_start);
}

template <typename ForEachMatch>
void NormalizedString::ReplaceMatches(std::string_view content, ForEachMatch&& for_each) {
  if (text_.empty()) return;
  BeginReplacing();
  size_t done = 0;
  size_t step = 0;
  for_each([&](size_t begin, size_t end) {
    KeepRange(done, begin);
    InsertBehind(end, content, step++);
    done = end;
  });
  KeepRange(done, text_.size());
  EndReplacing();
}

template <typename F>
void NormalizedString::Map(F&& replace) {
  ClearChanges();
  ForEach([&](char32_t c) { changes_.push_back({replace(c), 0}); });
  Transform(changes_, 0);
}

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_NORMALIZED_STRING_H_
