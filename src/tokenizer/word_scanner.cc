#include "tokenizer/word_scanner.h"

#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

#include <array>

namespace bge::tokenizer {
namespace {

constexpr uint8_t kNone = 0;  // no letter, number or space: \p{L}, \p{N}, \s match none of these

const std::array<uint8_t, 128>& AsciiClasses() {
  static const std::array<uint8_t, 128> classes = [] {
    std::array<uint8_t, 128> values{};
    for (char32_t c = 0; c < 128; ++c) values[c] = RegexClasses(c);
    return values;
  }();
  return classes;
}

// A place in the text; at its end, no character has any class.
class Cursor {
 public:
  Cursor(std::string_view text, size_t at)
      : classes_(AsciiClasses()), text_(text.data()), p_(text.data() + at), end_(p_ - at) {
    end_ += text.size();
  }

  size_t at() const { return static_cast<size_t>(p_ - text_); }
  bool at_end() const { return p_ == end_; }
  bool Is(char c) const { return p_ != end_ && *p_ == c; }
  bool IsNewline() const { return Is('\r') || Is('\n'); }
  bool Has(uint8_t wanted) const { return !at_end() && Class() == wanted; }
  uint8_t Class() const {
    const auto byte = static_cast<unsigned char>(*p_);
    if (byte < 0x80) return classes_[byte];
    const char* p = p_;
    return RegexClasses(DecodeUtf8(p));
  }
  void Step() { p_ += Utf8Length(*p_); }
  void SkipRun(uint8_t wanted) {
    while (Has(wanted)) Step();
  }
  // Takes `bytes` if they are next; ASCII letters in them may be upper case where `any_case`.
  bool Take(std::string_view bytes, bool any_case) {
    if (static_cast<size_t>(end_ - p_) < bytes.size()) return false;
    for (size_t i = 0; i < bytes.size(); ++i) {
      const char c = p_[i];
      if (c != bytes[i] && !(any_case && (c | 0x20) == bytes[i] && c >= 'A' && c <= 'Z')) {
        return false;
      }
    }
    p_ += bytes.size();
    return true;
  }

 private:
  const std::array<uint8_t, 128>& classes_;
  const char* text_;
  const char* p_;
  const char* end_;
};

// 's|'t|'re|'ve|'m|'ll|'d
bool TakeContraction(Cursor* cursor, bool any_case) {
  if (!cursor->Is('\'')) return false;
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (cursor->Take(ending, any_case)) return true;
  }
  // U+017F is a lower case s, when case is ignored.
  return any_case && cursor->Take("'\u017F", false);
}

// \s+(?!\S)|\s+: white space, but for its last character where a word follows that can have it.
size_t EndOfSpace(Cursor cursor) {
  size_t last = cursor.at();
  const size_t begin = last;
  while (cursor.Has(kRegexSpace)) {
    last = cursor.at();
    cursor.Step();
  }
  return cursor.at_end() || last == begin ? cursor.at() : last;
}

// '(?i:s|t|…)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,most}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|…
template <int kMostDigits>
size_t ScanCl100kWord(std::string_view text, size_t at) {
  Cursor cursor(text, at);
  if (TakeContraction(&cursor, true)) return cursor.at();
  if (cursor.Has(kRegexLetter)) {
    cursor.SkipRun(kRegexLetter);
    return cursor.at();
  }
  if (cursor.Has(kRegexNumber)) {
    for (int i = 0; i < kMostDigits && cursor.Has(kRegexNumber); ++i) cursor.Step();
    return cursor.at();
  }
  if (!cursor.IsNewline()) {
    Cursor next = cursor;
    next.Step();
    if (next.Has(kRegexLetter)) {
      next.SkipRun(kRegexLetter);
      return next.at();
    }
  }
  Cursor other = cursor;
  if (other.Is(' ')) other.Step();
  if (other.Has(kNone)) {
    other.SkipRun(kNone);
    while (other.IsNewline()) other.Step();
    return other.at();
  }
  size_t behind_newline = 0;
  for (Cursor space = cursor; space.Has(kRegexSpace);) {
    const bool is_newline = space.IsNewline();
    space.Step();
    if (is_newline) behind_newline = space.at();
  }
  return behind_newline > 0 ? behind_newline : EndOfSpace(cursor);
}

}  // namespace

size_t ScanGpt2Word(std::string_view text, size_t at) {
  Cursor cursor(text, at);
  if (TakeContraction(&cursor, false)) return cursor.at();
  Cursor word = cursor;
  if (word.Is(' ')) word.Step();
  if (word.at_end() || word.Class() == kRegexSpace) return EndOfSpace(cursor);
  word.SkipRun(word.Class());
  return word.at();
}

WordScanner FindWordScanner(std::string_view pattern) {
  constexpr struct {
    std::string_view pattern;
    WordScanner scanner;
  } kKnown[] = {
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
       &ScanGpt2Word},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
       R"(\s*[\r\n]+|\s+(?!\S)|\s+)",
       &ScanCl100kWord<1>},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
       R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       &ScanCl100kWord<3>},
  };
  for (const auto& row : kKnown) {
    if (row.pattern == pattern) return row.scanner;
  }
  return nullptr;
}

}  // namespace bge::tokenizer
