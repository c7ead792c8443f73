#include "tokenizer/segmentation.h"

#include "tokenizer/utf8.h"

namespace bge::tokenizer {
namespace {

#include "tokenizer/segmentation_tables.inc"

constexpr char32_t kEnd = 0x110000;

bool IsControl(uint8_t grapheme) {
  return grapheme == kGraphemeCr || grapheme == kGraphemeLf || grapheme == kGraphemeControl;
}

// GB6 to GB8.
bool JoinsHangul(uint8_t before, uint8_t next) {
  switch (before) {
    case kGraphemeL:
      return next == kGraphemeL || next == kGraphemeV || next == kGraphemeLv ||
             next == kGraphemeLvt;
    case kGraphemeLv:
    case kGraphemeV:
      return next == kGraphemeV || next == kGraphemeT;
    case kGraphemeLvt:
    case kGraphemeT:
      return next == kGraphemeT;
    default:
      return false;
  }
}

}  // namespace

uint8_t GraphemeProperties(char32_t c) {
  if (c >= kEnd) return 0;
  return kGraphemeBlocks[static_cast<size_t>(kGraphemeIndex[c >> 7]) << 7 | (c & 127)];
}

uint8_t ScriptOf(char32_t c) {
  if (c >= kEnd) return 0;
  return kScriptBlocks[static_cast<size_t>(kScriptIndex[c >> 7]) << 7 | (c & 127)];
}

bool GraphemeBoundaries::JoinsRare(uint8_t properties) {
  const uint8_t before = previous_ & kGraphemeClassBits;
  const uint8_t next = properties & kGraphemeClassBits;
  const uint8_t conjunct = properties & kConjunctBits;
  bool joins;
  if (IsControl(before) || IsControl(next)) {
    joins = before == kGraphemeCr && next == kGraphemeLf;
  } else {
    joins = next == kGraphemeExtend || next == kGraphemeZwj || next == kGraphemeSpacingMark ||
            before == kGraphemePrepend || JoinsHangul(before, next) ||
            (linked_ && conjunct == kConjunctConsonant) ||
            (pictograph_zwj_ && next == kGraphemePictographic) ||
            (odd_indicators_ && next == kGraphemeRegionalIndicator);
  }
  odd_indicators_ = next == kGraphemeRegionalIndicator && !odd_indicators_;
  pictograph_zwj_ = pictograph_ && next == kGraphemeZwj;
  pictograph_ = next == kGraphemePictographic || (pictograph_ && next == kGraphemeExtend);
  if (conjunct == kConjunctConsonant) {
    consonant_ = true;
    linked_ = false;
  } else if (conjunct == 0) {
    consonant_ = linked_ = false;
  } else if (conjunct == kConjunctLinker) {
    linked_ = consonant_;
  }
  previous_ = properties;
  return joins;
}

size_t ClusterEnd(std::string_view text, GraphemeBoundaries* boundaries) {
  const char* p = text.data();
  const char* const end = p + text.size();
  DecodeUtf8(p);
  while (p < end) {
    const char* next = p;
    if (!boundaries->Joins(GraphemeProperties(DecodeUtf8(next)))) break;
    p = next;
  }
  return static_cast<size_t>(p - text.data());
}

}  // namespace bge::tokenizer
