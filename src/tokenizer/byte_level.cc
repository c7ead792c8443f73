#include "tokenizer/byte_level.h"

#include "tokenizer/utf8.h"

namespace bge::tokenizer {
namespace {

struct Entry {
  char utf8[2];
  uint8_t size;
};

constexpr std::array<Entry, 256> kEntries = [] {
  std::array<Entry, 256> entries{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t c = ByteLevelCharacter(static_cast<uint8_t>(byte));
    if (c < 0x80) {
      entries[byte] = {{static_cast<char>(c), 0}, 1};
    } else {
      entries[byte] = {{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))}, 2};
    }
  }
  return entries;
}();

constexpr size_t kCharacters = 0x100 + 68;  // behind the last that stands for a byte

constexpr std::array<int16_t, kCharacters> kBytes = [] {
  std::array<int16_t, kCharacters> bytes{};
  for (int16_t& byte : bytes) byte = -1;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bytes[ByteLevelCharacter(static_cast<uint8_t>(byte))] = static_cast<int16_t>(byte);
  }
  return bytes;
}();

}  // namespace

std::string_view ByteLevelUtf8(uint8_t byte) {
  const Entry& entry = kEntries[byte];
  return {entry.utf8, entry.size};
}

int ByteLevelByte(char32_t c) { return c < kCharacters ? kBytes[c] : -1; }

}  // namespace bge::tokenizer
