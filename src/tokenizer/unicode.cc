#include "tokenizer/unicode.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace bge::tokenizer {
namespace {

// What a character maps to: offsets into kPool, where a sequence lies behind its length; 0: itself.
struct Record {
  uint16_t nfd, nfkd, lower;
  uint8_t combining_class;
};

struct Composition {
  uint32_t first, second, composite;
};

#include "tokenizer/unicode_tables.inc"

constexpr char32_t kEnd = 0x110000;

const Record& RecordOf(char32_t c) {
  return kRecords[kRecordBlocks[static_cast<size_t>(kRecordIndex[c >> 6]) << 6 | (c & 63)]];
}

Mapped FromPool(uint16_t offset) {
  if (offset == 0) return {};
  return Mapped(std::span<const uint32_t>(kPool + offset + 1, kPool[offset]));
}

// Conjoining jamo behaviour: Unicode, section 3.12.
constexpr char32_t kHangulS = 0xAC00, kHangulL = 0x1100, kHangulV = 0x1161, kHangulT = 0x11A7;
constexpr char32_t kCountL = 19, kCountV = 21, kCountT = 28;
constexpr char32_t kCountS = kCountL * kCountV * kCountT;

bool IsHangulSyllable(char32_t c) { return c - kHangulS < kCountS; }

Mapped DecomposeHangul(char32_t c) {
  const char32_t s = c - kHangulS;
  const char32_t t = s % kCountT;
  return Mapped(kHangulL + s / (kCountV * kCountT), kHangulV + s / kCountT % kCountV, kHangulT + t,
                t == 0 ? 2 : 3);
}

}  // namespace

uint8_t CodePointFlags(char32_t c) {
  if (c >= kEnd) return 0;
  return kFlagBlocks[static_cast<size_t>(kFlagIndex[c >> 7]) << 7 | (c & 127)];
}

uint8_t RegexClasses(char32_t c) {
  if (c >= kEnd) return 0;
  return kRegexBlocks[static_cast<size_t>(kRegexIndex[c >> 7]) << 7 | (c & 127)];
}

uint8_t CombiningClass(char32_t c) { return c < kEnd ? RecordOf(c).combining_class : 0; }

Mapped DecomposeCanonical(char32_t c) {
  if (IsHangulSyllable(c)) return DecomposeHangul(c);
  return c < kEnd ? FromPool(RecordOf(c).nfd) : Mapped();
}

Mapped DecomposeCompatible(char32_t c) {
  if (IsHangulSyllable(c)) return DecomposeHangul(c);
  return c < kEnd ? FromPool(RecordOf(c).nfkd) : Mapped();
}

Mapped ToLower(char32_t c) { return c < kEnd ? FromPool(RecordOf(c).lower) : Mapped(); }

char32_t Compose(char32_t first, char32_t second) {
  if (first - kHangulL < kCountL && second - kHangulV < kCountV) {
    return kHangulS + ((first - kHangulL) * kCountV + (second - kHangulV)) * kCountT;
  }
  if (IsHangulSyllable(first) && (first - kHangulS) % kCountT == 0 &&
      second - (kHangulT + 1) < kCountT - 1) {
    return first + (second - kHangulT);
  }
  const auto key = [](const Composition& c) { return std::tie(c.first, c.second); };
  const Composition wanted{first, second, 0};
  const auto* found =
      std::lower_bound(std::begin(kCompositions), std::end(kCompositions), wanted,
                       [&](const Composition& a, const Composition& b) { return key(a) < key(b); });
  if (found == std::end(kCompositions) || key(*found) != key(wanted)) return 0;
  return found->composite;
}

}  // namespace bge::tokenizer
