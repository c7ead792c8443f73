#include "apps/json_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace bge::cli {
namespace {

// No float is longer in its shortest form: sign, 9 digits, point, "e-45", rounded up.
constexpr size_t kMaxFloatChars = 24;

// Length of the well-formed UTF-8 sequence at text[0]; 0 where there is none, with *bad set to the
// number of bytes that one U+FFFD replaces (the Unicode standard's "maximal subpart", table 3-7).
size_t SequenceLength(std::string_view text, size_t* bad) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  *bad = 1;
  if (lead < 0x80) return 1;
  size_t length = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  for (size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) {
      *bad = i;
      return 0;
    }
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

bool IsPlain(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\' && byte != 0x7F;
}

void AppendEscape(uint8_t byte, std::string* out) {
  switch (byte) {
    case '"':
      *out += "\\\"";
      return;
    case '\\':
      *out += "\\\\";
      return;
    case '\n':
      *out += "\\n";
      return;
    case '\r':
      *out += "\\r";
      return;
    case '\t':
      *out += "\\t";
      return;
    default: {
      constexpr std::string_view kHex = "0123456789abcdef";
      *out += "\\u00";
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    }
  }
}

template <typename AppendNonFinite>
void AppendFloats(std::span<const float> values, char separator, std::string* out,
                  AppendNonFinite append_non_finite) {
  const size_t old_size = out->size();
  out->resize(old_size + values.size() * (kMaxFloatChars + 1));
  char* const begin = out->data() + old_size;
  char* at = begin;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) *at++ = separator;
    at = std::isfinite(values[i]) ? std::to_chars(at, at + kMaxFloatChars, values[i]).ptr
                                  : append_non_finite(values[i], at);
  }
  out->resize(old_size + static_cast<size_t>(at - begin));
}

char* Put(std::string_view word, char* at) {
  for (const char c : word) *at++ = c;
  return at;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t i = 0;
  while (i < text.size()) {
    size_t plain = i;
    while (plain < text.size() && IsPlain(text[plain])) ++plain;
    out->append(text, i, plain - i);
    i = plain;
    if (i == text.size()) break;
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte < 0x80) {
      AppendEscape(byte, out);
      ++i;
      continue;
    }
    size_t bad = 0;
    const size_t length = SequenceLength(text.substr(i), &bad);
    if (length == 0) {
      *out += "\xEF\xBF\xBD";
      i += bad;
    } else {
      out->append(text, i, length);
      i += length;
    }
  }
  out->push_back('"');
}

void AppendJsonFloat(float value, std::string* out) {
  AppendFloats({&value, 1}, ',', out, [](float, char* at) { return Put("null", at); });
}

void AppendJsonFloats(std::span<const float> values, std::string* out) {
  out->push_back('[');
  AppendFloats(values, ',', out, [](float, char* at) { return Put("null", at); });
  out->push_back(']');
}

void AppendPlainFloats(std::span<const float> values, std::string* out) {
  AppendFloats(values, ' ', out, [](float value, char* at) {
    return Put(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf", at);
  });
}

}  // namespace bge::cli
