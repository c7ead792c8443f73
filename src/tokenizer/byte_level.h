// GPT-2's alphabet: a visible character for each byte.
#ifndef BGE_TOKENIZER_BYTE_LEVEL_H_
#define BGE_TOKENIZER_BYTE_LEVEL_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace bge::tokenizer {

/// The character of a byte. Visible ones of Latin-1 stand for themselves, the other bytes are
/// U+0100 and up.
constexpr char32_t ByteLevelCharacter(uint8_t byte) {
  const auto is_visible = [](unsigned b) {
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
  };
  if (is_visible(byte)) return byte;
  char32_t c = 0x100;
  for (unsigned b = 0; b < byte; ++b) c += is_visible(b) ? 0 : 1;
  return c;
}

/// The same in UTF-8, one or two bytes.
std::string_view ByteLevelUtf8(uint8_t byte);

/// The byte of a character; -1 where it is none's.
int ByteLevelByte(char32_t c);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_BYTE_LEVEL_H_
