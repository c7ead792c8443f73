// What Hugging Face `tokenizers` knows about code points: categories, decompositions, lower case.
//
// The tables (unicode_tables.inc) are swept from the pinned release by
// tools/unicode/generate_tables.py, because the libraries behind it are of different Unicode ages,
// and no other library agrees with all.
#ifndef BGE_TOKENIZER_UNICODE_H_
#define BGE_TOKENIZER_UNICODE_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace bge::tokenizer {

/// Bits of CodePointFlags().
enum CodePointFlag : uint8_t {
  kWhitespace = 1,   // White_Space; the regular expression \s is the same set
  kPunctuation = 2,  // BertPreTokenizer and Punctuation
  kNumeric = 4,      // Digits
  kWord = 8,         // the regular expression \w
  kControl = 16,     // removed by BertNormalizer's clean_text
  kNonspacing = 32,  // removed by BertNormalizer's strip_accents
  kCombining = 64,   // removed by StripAccents
  kChinese = 128,    // set apart by BertNormalizer's handle_chinese_chars
};

/// Bits of RegexClasses(): what the regular expressions of tokenizer.json match. The Oniguruma in
/// tokenizers is younger than the libraries that the flags above come from.
enum RegexClass : uint8_t {
  kRegexLetter = 1,  // \p{L}
  kRegexNumber = 2,  // \p{N}
  kRegexSpace = 4,   // \s
};

// c must be below 0x110000 in all of these.
uint8_t CodePointFlags(char32_t c);
uint8_t RegexClasses(char32_t c);

inline bool HasFlag(char32_t c, CodePointFlag flag) { return (CodePointFlags(c) & flag) != 0; }

/// Canonical combining class.
uint8_t CombiningClass(char32_t c);

/// A mapped character. Views the tables, or the object itself for Hangul.
class Mapped {
 public:
  Mapped() = default;
  explicit Mapped(std::span<const uint32_t> view) : view_(view) {}
  Mapped(uint32_t a, uint32_t b, uint32_t c, size_t size) : own_{a, b, c}, own_size_(size) {}

  std::span<const uint32_t> characters() const {
    return own_size_ > 0 ? std::span<const uint32_t>(own_, own_size_) : view_;
  }
  /// The character does not change.
  bool is_identity() const { return own_size_ == 0 && view_.empty(); }

 private:
  std::span<const uint32_t> view_;
  uint32_t own_[3] = {};
  size_t own_size_ = 0;
};

/// Full canonical (NFD) and compatibility (NFKD) decomposition.
Mapped DecomposeCanonical(char32_t c);
Mapped DecomposeCompatible(char32_t c);
/// Rust's char::to_lowercase: of one character, without context (no final sigma).
Mapped ToLower(char32_t c);

/// The primary composite of two characters, 0 where there is none.
char32_t Compose(char32_t first, char32_t second);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_UNICODE_H_
