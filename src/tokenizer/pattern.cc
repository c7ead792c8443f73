#include "tokenizer/pattern.h"

#include <cstring>

namespace bge::tokenizer {

Pattern::Pattern(const json::Value& json) {
  if (const auto regex = json.Find("Regex")) {
    scanner_ = FindWordScanner(regex->AsString());
    if (scanner_ == nullptr) regex_.emplace(regex->AsString(), regex->Where());
  } else {
    string_.emplace(json.At("String").AsString());
  }
}

std::optional<ByteRange> Pattern::Find(std::string_view text, size_t from,
                                       const std::stop_token* stop) const {
  if (regex_) return regex_->Find(text, from, stop);
  // Not std::string_view::find, which can take the product of both lengths.
  const void* found =
      memmem(text.data() + from, text.size() - from, string_->data(), string_->size());
  if (found == nullptr) return std::nullopt;
  const auto begin = static_cast<size_t>(static_cast<const char*>(found) - text.data());
  return ByteRange{begin, begin + string_->size()};
}

void Pattern::FindRanges(std::string_view text, bool invert, PatternRanges* ranges) const {
  size_t done = 0;
  ForEachMatch(text, ranges->stop(), [&](const ByteRange& match) {
    if (done != match.begin) ranges->Add({done, match.begin}, invert);
    ranges->Add(match, !invert);
    done = match.end;
  });
  if (done != text.size()) ranges->Add({done, text.size()}, invert);
}

}  // namespace bge::tokenizer
