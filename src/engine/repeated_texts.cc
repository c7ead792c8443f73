#include "engine/repeated_texts.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>

namespace bge {

namespace {

bool SameTokens(const TokenizedTexts::Tokens& a, const TokenizedTexts::Tokens& b) {
  return std::equal(a.ids.begin(), a.ids.end(), b.ids.begin(), b.ids.end()) &&
         std::equal(a.type_ids.begin(), a.type_ids.end(), b.type_ids.begin(), b.type_ids.end());
}

}  // namespace

RepeatedTexts FindRepeatedTexts(const TokenizedTexts& texts) {
  RepeatedTexts repeated;
  repeated.computed.reserve(static_cast<size_t>(texts.size()));
  std::unordered_map<uint64_t, int64_t> first_with_hash;
  if (texts.size() > 1) first_with_hash.reserve(static_cast<size_t>(texts.size()));
  for (int64_t i = 0; i < texts.size(); ++i) {
    const int64_t first = first_with_hash.try_emplace(texts.hash(i), i).first->second;
    if (first != i && SameTokens(texts[first], texts[i])) {
      repeated.copies.push_back({.from = first, .to = i});
    } else {
      repeated.computed.push_back(i);
    }
  }
  return repeated;
}

}  // namespace bge
