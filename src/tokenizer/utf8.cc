#include "tokenizer/utf8.h"

#include "base/stop.h"

#include <cstring>

namespace bge::tokenizer {
namespace {

// Unicode, table 3-7: a lead byte says how many bytes follow and narrows the range of the first
// one.
struct Lead {
  int following;  // -1: not a lead byte
  unsigned char low, high;
};

Lead LeadOf(unsigned char byte) {
  if (byte < 0xC2) return {-1, 0, 0};
  if (byte < 0xE0) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte < 0xF0) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte < 0xF4) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {-1, 0, 0};
}

// Bytes of the sequence at `i`, whose first byte is not ASCII: a whole character (*valid), or the
// longest start of one.
size_t SequenceAt(std::string_view text, size_t i, bool* valid) {
  *valid = false;
  const Lead lead = LeadOf(static_cast<unsigned char>(text[i]));
  if (lead.following < 0) return 1;
  unsigned char low = lead.low;
  unsigned char high = lead.high;
  size_t length = 1;
  for (int k = 0; k < lead.following; ++k, ++length) {
    if (i + length >= text.size()) return length;
    const auto byte = static_cast<unsigned char>(text[i + length]);
    if (byte < low || byte > high) return length;
    low = 0x80;
    high = 0xBF;
  }
  *valid = true;
  return length;
}

}  // namespace

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += !IsUtf8Continuation(c);
  return count;
}

size_t ValidUtf8Prefix(std::string_view text, const std::stop_token* stop) {
  size_t i = 0;
  for (size_t step = 0; i < text.size(); ++step) {
    ThrowIfStopped(stop, step);
    if (i + 8 <= text.size()) {
      uint64_t word;
      std::memcpy(&word, text.data() + i, 8);
      if ((word & 0x8080808080808080u) == 0) {
        i += 8;
        continue;
      }
    }
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    bool valid;
    const size_t length = SequenceAt(text, i, &valid);
    if (!valid) return i;
    i += length;
  }
  return i;
}

void ReplaceInvalidUtf8(std::string_view text, std::string* out, const std::stop_token* stop) {
  out->clear();
  while (!text.empty()) {
    const size_t good = ValidUtf8Prefix(text, stop);
    out->append(text.substr(0, good));
    if (good == text.size()) return;
    bool valid;
    const size_t bad = SequenceAt(text, good, &valid);
    AppendUtf8(kReplacementCharacter, out);
    text.remove_prefix(good + bad);
  }
}

}  // namespace bge::tokenizer
