#include "tokenizer/model/vocabulary.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace bge::tokenizer {

Vocabulary Vocabulary::FromJson(const json::Value& object) {
  Vocabulary vocabulary;
  vocabulary.entries_.reserve(object.size());
  object.ForEachMember([&](std::string_view token, json::Value id) {
    const auto offset = static_cast<uint32_t>(vocabulary.text_.size());
    vocabulary.text_.append(token);
    vocabulary.entries_.push_back(
        {offset, static_cast<uint32_t>(token.size()),
         static_cast<int32_t>(id.AsIntIn(0, std::numeric_limits<int32_t>::max()))});
  });
  vocabulary.Index(object.Where());
  return vocabulary;
}

Vocabulary Vocabulary::FromTokens(const std::vector<std::string_view>& tokens,
                                  std::string_view where) {
  Vocabulary vocabulary;
  vocabulary.entries_.reserve(tokens.size());
  for (const std::string_view token : tokens) {
    const auto offset = static_cast<uint32_t>(vocabulary.text_.size());
    vocabulary.text_.append(token);
    vocabulary.entries_.push_back({offset, static_cast<uint32_t>(token.size()),
                                   static_cast<int32_t>(vocabulary.entries_.size())});
  }
  vocabulary.Index(where);
  return vocabulary;
}

void Vocabulary::Index(std::string_view where) {
  text_.append(PieceTable::kPadding, '\0');
  std::vector<std::pair<std::string_view, int32_t>> pieces;
  pieces.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    pieces.emplace_back(TextOf(entries_[i]), static_cast<int32_t>(i));
  }
  table_.Build(pieces, where);

  // Entries that a later, equal token overwrote are gone.
  by_id_.clear();
  by_id_.reserve(entries_.size());
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    if (table_.Find(text_.data() + entries_[i].offset, entries_[i].size) ==
        static_cast<int32_t>(i)) {
      by_id_.push_back(i);
    }
  }
  size_ = by_id_.size();
  const auto id_of = [&](uint32_t i) { return entries_[i].id; };
  const auto less = [&](uint32_t a, uint32_t b) { return id_of(a) < id_of(b); };
  if (!std::is_sorted(by_id_.begin(), by_id_.end(), less)) {
    std::stable_sort(by_id_.begin(), by_id_.end(), less);
  }
  // Of equal ids the last one stays.
  size_t kept = 0;
  for (size_t i = 0; i < by_id_.size(); ++i) {
    if (i + 1 < by_id_.size() && id_of(by_id_[i]) == id_of(by_id_[i + 1])) continue;
    by_id_[kept++] = by_id_[i];
  }
  by_id_.resize(kept);
}

std::optional<int32_t> Vocabulary::Find(std::string_view token) const {
  std::array<char, 64> small;
  std::string large;
  const char* padded = small.data();
  if (token.size() + PieceTable::kPadding <= small.size()) {
    std::memcpy(small.data(), token.data(), token.size());
    std::memset(small.data() + token.size(), 0, PieceTable::kPadding);
  } else {
    large.assign(token);
    large.append(PieceTable::kPadding, '\0');
    padded = large.data();
  }
  const int32_t entry = table_.Find(padded, token.size());
  if (entry < 0) return std::nullopt;
  return entries_[static_cast<size_t>(entry)].id;
}

std::optional<std::string_view> Vocabulary::Token(int32_t id) const {
  // Ids without holes: each is its own place.
  const auto i = static_cast<size_t>(id);
  if (id >= 0 && i < by_id_.size() && entries_[by_id_[i]].id == id)
    return TextOf(entries_[by_id_[i]]);
  const auto found =
      std::lower_bound(by_id_.begin(), by_id_.end(), id,
                       [&](uint32_t entry, int32_t value) { return entries_[entry].id < value; });
  if (found == by_id_.end() || entries_[*found].id != id) return std::nullopt;
  return TextOf(entries_[*found]);
}

std::vector<std::pair<std::string_view, int32_t>> Vocabulary::Entries() const {
  std::vector<std::pair<std::string_view, int32_t>> result;
  result.reserve(size_);
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    const std::string_view token = TextOf(entries_[i]);
    if (size_ == entries_.size() ||
        table_.Find(text_.data() + entries_[i].offset, token.size()) == static_cast<int32_t>(i)) {
      result.emplace_back(token, entries_[i].id);
    }
  }
  return result;
}

}  // namespace bge::tokenizer
