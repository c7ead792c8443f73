#include "tokenizer/pattern.h"

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
  const size_t found = text.find(*string_, from);
  if (found == std::string_view::npos) return std::nullopt;
  return ByteRange{found, found + string_->size()};
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
