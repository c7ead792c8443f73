#include "engine/repeated_texts.h"

#include <algorithm>
#include <cstddef>

namespace bge {

namespace {

bool SameTokens(const TokenizedTexts::Tokens& a, const TokenizedTexts::Tokens& b) {
  return a.own == b.own && std::equal(a.ids.begin(), a.ids.end(), b.ids.begin(), b.ids.end()) &&
         std::equal(a.type_ids.begin(), a.type_ids.end(), b.type_ids.begin(), b.type_ids.end());
}

}  // namespace

RepeatFinder::RepeatFinder(std::span<const std::string_view> texts) : texts_(texts) {
  if (texts.size() > 1) first_with_hash_.reserve(texts.size());
}

RepeatedTexts RepeatFinder::Find(const TokenizedTexts& window) {
  RepeatedTexts repeated;
  repeated.computed.reserve(static_cast<size_t>(window.end() - window.begin()));
  for (int64_t i = window.begin(); i < window.end(); ++i) {
    const int64_t first = first_with_hash_.try_emplace(window.hash(i), i).first->second;
    const bool same = first >= window.begin()
                          ? SameTokens(window[first], window[i])
                          : texts_[static_cast<size_t>(first)] == texts_[static_cast<size_t>(i)];
    if (first != i && same) {
      repeated.copies.push_back({.from = first, .to = i});
    } else {
      repeated.computed.push_back(i);
    }
  }
  return repeated;
}

}  // namespace bge
