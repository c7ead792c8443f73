// UTF-8 in and out of code points, and the replacement of what is not UTF-8.
#ifndef BGE_TOKENIZER_UTF8_H_
#define BGE_TOKENIZER_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

namespace bge::tokenizer {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// Bytes of the character that starts with `lead`, a lead byte of valid UTF-8.
inline size_t Utf8Length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Bytes of `c` in UTF-8.
inline size_t Utf8Length(char32_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

inline bool IsUtf8Continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The character at `p`, which must be the start of one in valid UTF-8; moves `p` past it.
inline char32_t DecodeUtf8(const char*& p) {
  const auto* u = reinterpret_cast<const unsigned char*>(p);
  const char32_t lead = u[0];
  if (lead < 0x80) {
    p += 1;
    return lead;
  }
  if (lead < 0xE0) {
    p += 2;
    return (lead & 0x1F) << 6 | (u[1] & 0x3Fu);
  }
  if (lead < 0xF0) {
    p += 3;
    return (lead & 0x0F) << 12 | (u[1] & 0x3Fu) << 6 | (u[2] & 0x3Fu);
  }
  p += 4;
  return (lead & 0x07) << 18 | (u[1] & 0x3Fu) << 12 | (u[2] & 0x3Fu) << 6 | (u[3] & 0x3Fu);
}

/// Writes `c` to `out` (at least 4 bytes) and returns its length.
inline size_t EncodeUtf8(char32_t c, char* out) {
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<char>(0xC0 | c >> 6);
    out[1] = static_cast<char>(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<char>(0xE0 | c >> 12);
    out[1] = static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out[2] = static_cast<char>(0x80 | (c & 0x3F));
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | c >> 18);
  out[1] = static_cast<char>(0x80 | (c >> 12 & 0x3F));
  out[2] = static_cast<char>(0x80 | (c >> 6 & 0x3F));
  out[3] = static_cast<char>(0x80 | (c & 0x3F));
  return 4;
}

inline void AppendUtf8(char32_t c, std::string* out) {
  char bytes[4];
  out->append(bytes, EncodeUtf8(c, bytes));
}

/// Characters of valid UTF-8.
size_t CountCharacters(std::string_view text);

// Both ask `stop`, where it is not null, as ThrowIfStopped (base/stop.h) does.

/// Length of the longest prefix that is valid UTF-8.
size_t ValidUtf8Prefix(std::string_view text, const std::stop_token* stop = nullptr);

/// `text` with each maximal part that cannot be UTF-8 replaced by one U+FFFD, as Rust's
/// String::from_utf8_lossy (and Python's errors="replace") does it: a truncated sequence is one
/// part as far as it was right, any other wrong byte is one of its own. Written to `out`.
void ReplaceInvalidUtf8(std::string_view text, std::string* out,
                        const std::stop_token* stop = nullptr);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_UTF8_H_
