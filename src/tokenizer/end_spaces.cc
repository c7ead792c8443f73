#include "tokenizer/end_spaces.h"

#include "tokenizer/utf8.h"

#include <algorithm>

namespace bge::tokenizer {
namespace {

constexpr size_t kMost = 65535;

bool IsSpace(char32_t c) { return HasFlag(c, kWhitespace) || c == U'\u0120'; }

uint32_t Capped(size_t count) { return static_cast<uint32_t>(std::min(count, kMost)); }

size_t CountTrailing(std::string_view text) {
  size_t count = 0;
  for (size_t end = text.size(); end > 0 && count < kMost; ++count) {
    size_t begin = end - 1;
    while (begin > 0 && IsUtf8Continuation(text[begin])) --begin;
    const char* p = text.data() + begin;
    if (!IsSpace(DecodeUtf8(p))) break;
    end = begin;
  }
  return count;
}

}  // namespace

EndSpaces CountEndSpaces(std::string_view token) {
  const char* p = token.data();
  const char* const end = p + token.size();
  size_t leading = 0;
  while (p < end && leading < kMost && IsSpace(DecodeUtf8(p))) ++leading;
  return {Capped(leading), Capped(CountTrailing(token))};
}

EndSpaces EndSpaceCounter::Count(size_t begin, size_t end) {
  if (begin < at_ || begin >= end_) {
    at_ = end_ = begin;
    characters_ = 0;
    const char* p = text_.data() + begin;
    const char* const text_end = text_.data() + text_.size();
    while (p < text_end && IsSpace(DecodeUtf8(p))) {
      ++characters_;
      end_ = static_cast<size_t>(p - text_.data());
    }
  }
  for (; at_ < begin; --characters_) at_ += Utf8Length(text_[at_]);
  if (end_ == end) return {Capped(characters_), Capped(characters_)};
  if (end_ > end) {
    const size_t count = CountCharacters(text_.substr(begin, end - begin));
    return {Capped(count), Capped(count)};
  }
  return {Capped(characters_), Capped(CountTrailing(text_.substr(end_, end - end_)))};
}

}  // namespace bge::tokenizer
