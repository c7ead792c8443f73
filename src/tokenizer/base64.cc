#include "tokenizer/base64.h"

#include <array>
#include <cstdint>

namespace bge::tokenizer {
namespace {

constexpr std::array<int8_t, 256> MakeValues() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return values;
}
constexpr std::array<int8_t, 256> kValues = MakeValues();

}  // namespace

bool DecodeBase64(std::string_view text, std::string* bytes) {
  bytes->clear();
  if (text.size() % 4 != 0) return false;
  bytes->reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    size_t present = 4;
    if (i + 4 == text.size()) {
      while (present > 2 && text[i + present - 1] == '=') --present;
    }
    uint32_t value = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int8_t six = k < present ? kValues[static_cast<unsigned char>(text[i + k])] : int8_t{0};
      if (six < 0) return false;
      value = value << 6 | static_cast<uint32_t>(six);
    }
    // Bits that belong to no byte are zero.
    if (present < 4 && (value & (present == 3 ? 0xFFu : 0xFFFFu)) != 0) return false;
    for (size_t k = 0; k + 1 < present; ++k) {
      bytes->push_back(static_cast<char>(value >> (16 - 8 * k) & 0xFF));
    }
  }
  return true;
}

}  // namespace bge::tokenizer
