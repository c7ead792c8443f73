#include "base/error.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace bge {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kCorruptData:
      return "corrupt_data";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kOverloaded:
      return "overloaded";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Error::Error(ErrorCode code, const std::string& message)
    : std::runtime_error(message), code_(code) {}

namespace {

// Length of the well-formed UTF-8 sequence at the start of `s` (Unicode 15, table 3-7); 0 if none.
size_t SequenceLength(std::string_view s) {
  const auto byte = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const auto tail = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return tail(1) ? 2 : 0;
  if (b == 0xe0) return tail(1, 0xa0) && tail(2) ? 3 : 0;
  if (b == 0xed) return tail(1, 0x80, 0x9f) && tail(2) ? 3 : 0;
  if (b >= 0xe1 && b <= 0xef) return tail(1) && tail(2) ? 3 : 0;
  if (b == 0xf0) return tail(1, 0x90) && tail(2) && tail(3) ? 4 : 0;
  if (b >= 0xf1 && b <= 0xf3) return tail(1) && tail(2) && tail(3) ? 4 : 0;
  if (b == 0xf4) return tail(1, 0x80, 0x8f) && tail(2) && tail(3) ? 4 : 0;
  return 0;
}

// A control character, or what ends lines (U+2028, U+2029) or turns the order of text around (the
// marks, embeddings, overrides and isolates of bidirectional text). Well-formed.
bool SteersText(std::string_view sequence) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  if (sequence.size() == 2) {
    return (byte(0) == 0xc2 && byte(1) < 0xa0) || (byte(0) == 0xd8 && byte(1) == 0x9c);
  }
  if (sequence.size() != 3 || byte(0) != 0xe2) return false;
  if (byte(1) == 0x80)
    return byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xa8 && byte(2) <= 0xae);
  return byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
}

size_t PlainPrefix(std::string_view s) {
  const auto end =
      std::find_if_not(s.begin(), s.end(), [](char c) { return c >= ' ' && c < 0x7f; });
  return static_cast<size_t>(end - s.begin());
}

}  // namespace

std::string Printable(std::string_view text, size_t max_bytes) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (out.size() >= max_bytes) return out + "...";
    const std::string_view plain =
        text.substr(i, PlainPrefix(text.substr(i, max_bytes - out.size())));
    out += plain;
    i += plain.size();
    if (!plain.empty()) continue;
    const size_t n = SequenceLength(text.substr(i));
    if (n == 0 || SteersText(text.substr(i, n))) {
      constexpr char kHex[] = "0123456789abcdef";
      for (size_t k = 0; k < (n == 0 ? 1 : n); ++k) {
        const auto c = static_cast<unsigned char>(text[i + k]);
        out += {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
      }
      i += n == 0 ? 1 : n;
      continue;
    }
    out.append(text.substr(i, n));
    i += n;
  }
  return out;
}

void Fail(ErrorCode code, std::string_view what, std::string_view where, std::string_view fix) {
  throw Error(code,
              Printable(what, 1000) + ": " + Printable(where, 1000) + ": " + Printable(fix, 1000));
}

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "bge: internal check failed: %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace bge
