// What Split and Replace look for: {"String": "a"} or {"Regex": "\\s+"}.
#ifndef BGE_TOKENIZER_PATTERN_H_
#define BGE_TOKENIZER_PATTERN_H_

#include "base/json.h"
#include "base/stop.h"
#include "tokenizer/pretokenized_string.h"
#include "tokenizer/regex.h"
#include "tokenizer/utf8.h"
#include "tokenizer/word_scanner.h"

#include <optional>
#include <string>
#include <string_view>

namespace bge::tokenizer {

/// Immutable; thread-safe. Errors of the constructor and of matching are Regex's.
class Pattern {
 public:
  explicit Pattern(const json::Value& json);
  explicit Pattern(std::string string) : string_(std::move(string)) {}

  /// Calls f(ByteRange) for each match in `text` (valid UTF-8), from the left. A match can be
  /// empty, but not where the last one ended. Nothing matches in an empty text.
  template <typename F>
  void ForEachMatch(std::string_view text, const std::stop_token* stop, F&& f) const;

  /// The matches and what lies between them. `invert`: what lies between is the match.
  void FindRanges(std::string_view text, bool invert, PatternRanges* ranges) const;

 private:
  std::optional<std::string> string_;
  WordScanner scanner_ = nullptr;
  std::optional<Regex> regex_;

  std::optional<ByteRange> Find(std::string_view text, size_t from,
                                const std::stop_token* stop) const;
};

// find.rs of rust-onig, FindMatches.
template <typename F>
void Pattern::ForEachMatch(std::string_view text, const std::stop_token* stop, F&& f) const {
  if (text.empty()) return;
  size_t from = 0;
  if (scanner_ != nullptr) {
    for (size_t step = 0; from < text.size(); ++step) {
      ThrowIfStopped(stop, step);
      const size_t end = scanner_(text, from);
      f(ByteRange{from, end});
      from = end;
    }
    return;
  }
  std::optional<size_t> last_end;
  for (size_t step = 0; from <= text.size(); ++step) {
    ThrowIfStopped(stop, step);
    const auto match = Find(text, from, stop);
    if (!match) return;
    if (match->begin == match->end && match->end == last_end) {
      from += from < text.size() ? Utf8Length(text[from]) : 1;
      continue;
    }
    from = match->end;
    last_end = match->end;
    f(*match);
  }
}

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_PATTERN_H_
