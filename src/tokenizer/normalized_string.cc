#include "tokenizer/normalized_string.h"

#include "base/error.h"
#include "tokenizer/unicode.h"

#include <algorithm>
#include <string>

namespace bge::tokenizer {

void NormalizedString::Assign(std::string_view text, uint32_t first_character,
                              const std::stop_token* stop) {
  stop_ = stop;
  first_character_ = first_character;
  assigned_bytes_ = text.size();
  text_.assign(text);
  origins_.clear();
  constexpr size_t kBlockBytes = 1 << 16;  // between two questions to stop_
  uint32_t character = first_character;
  for (size_t begin = 0; begin < text.size();) {
    ThrowIfStopped(stop_);
    const size_t end = std::min(text.size(), begin + kBlockBytes);
    origins_.resize(end);
    for (size_t i = begin; i < end; ++i) {
      character += IsUtf8Continuation(text[i]) ? 0 : 1;
      origins_[i] = {character - 1, character};
    }
    begin = end;
  }
}

bool NormalizedString::HasBytesBelow(unsigned char limit) const {
  ThrowIfStopped(stop_);
  if (!origins_.empty() && origins_.front().begin == origins_.front().end) return false;
  unsigned char highest = 0;
  for (const char c : text_) highest = std::max(highest, static_cast<unsigned char>(c));
  return highest < limit;
}

void NormalizedString::Transform(std::span<const CharacterChange> changes,
                                 size_t removed_at_start) {
  // Parity: the text as a whole is found through the original, so that characters in front which
  // stand for nothing of it are left where they are, and a text that is empty cannot change.
  if (text_.empty()) return;
  size_t begin = 0;
  while (begin < origins_.size() && origins_[begin].begin == origins_[begin].end) ++begin;

  new_text_.reserve(text_.size());
  new_text_.assign(text_, 0, begin);
  new_origins_.reserve(origins_.size());
  new_origins_.assign(origins_.begin(), origins_.begin() + static_cast<ptrdiff_t>(begin));
  size_t at = begin;  // byte of the present text
  const auto skip = [&](size_t characters) {
    for (; characters > 0 && at < text_.size(); --characters) at += Utf8Length(text_[at]);
  };
  skip(removed_at_start);
  for (size_t step = 0; step < changes.size(); ++step) {
    ThrowIfStopped(stop_, step);
    if (step % 1024 == 0) CheckGrowth(new_text_.size());
    const CharacterChange& change = changes[step];
    Offset origin{first_character_, first_character_};
    if (change.change > 0) {
      if (at > 0) origin = origins_[at - 1];
    } else {
      // Past the end upstream fails; only the characters in front that were left can lead there.
      origin = origins_[std::min(at, origins_.size() - 1)];
      skip(1 + static_cast<size_t>(-change.change));
    }
    AppendUtf8(change.character, &new_text_);
    new_origins_.resize(new_text_.size(), origin);
  }
  CheckGrowth(new_text_.size());
  text_.swap(new_text_);
  origins_.swap(new_origins_);
}

void NormalizedString::MapToMany(Mapped (*map)(char32_t)) {
  ClearChanges();
  ForEach([&](char32_t c) {
    const Mapped mapped = map(c);
    if (mapped.is_identity()) {
      changes_.push_back({c, 0});
      return;
    }
    int64_t change = 0;
    for (const uint32_t m : mapped.characters()) {
      changes_.push_back({m, change});
      change = 1;
    }
  });
  Transform(changes_, 0);
}

void NormalizedString::CheckGrowth(size_t bytes) const {
  constexpr size_t kMostGrowth = 64;
  constexpr size_t kAlwaysAllowed = 1 << 20;
  if (bytes > kAlwaysAllowed && (bytes - kAlwaysAllowed) / kMostGrowth >= assigned_bytes_) {
    Fail(ErrorCode::kUnsupported,
         "normalising makes " + std::to_string(assigned_bytes_) +
             " bytes of text more than 64 "
             "times as long",
         "tokenizer.json: field normalizer", "expected stages that put short strings in");
  }
}

void NormalizedString::Prepend(std::string_view prefix) {
  if (text_.empty()) return;
  if (prefix.empty()) {
    // Parity: the first character then counts as new and stands for nothing of the original.
    std::fill_n(origins_.begin(), Utf8Length(text_[0]), Offset{first_character_, first_character_});
    return;
  }
  CheckGrowth(text_.size() + prefix.size());
  const Offset origin = origins_.front();
  text_.insert(0, prefix);
  origins_.insert(origins_.begin(), prefix.size(), origin);
}

void NormalizedString::BeginReplacing() {
  new_text_.clear();
  new_origins_.clear();
}

void NormalizedString::KeepRange(size_t begin, size_t end) {
  new_text_.append(text_, begin, end - begin);
  new_origins_.insert(new_origins_.end(), origins_.begin() + static_cast<ptrdiff_t>(begin),
                      origins_.begin() + static_cast<ptrdiff_t>(end));
}

// New characters belong to the last character that they replace, or to the one in front.
void NormalizedString::InsertBehind(size_t end, std::string_view content, size_t step) {
  ThrowIfStopped(stop_, step);
  CheckGrowth(new_text_.size() + content.size());
  new_text_.append(content);
  new_origins_.resize(new_text_.size(),
                      end > 0 ? origins_[end - 1] : Offset{first_character_, first_character_});
}

void NormalizedString::EndReplacing() {
  text_.swap(new_text_);
  origins_.swap(new_origins_);
}

void NormalizedString::Strip(bool left, bool right) {
  std::vector<char32_t> characters;
  ForEach([&](char32_t c) { characters.push_back(c); });
  size_t begin = 0;
  size_t end = characters.size();
  const auto is_space = [&](size_t i) { return HasFlag(characters[i], kWhitespace); };
  while (left && begin < end && is_space(begin)) ++begin;
  while (right && begin < end && is_space(end - 1)) --end;
  if (begin == 0 && end == characters.size()) return;
  ClearChanges();
  for (size_t i = begin; i < end; ++i) {
    ThrowIfStopped(stop_, i - begin);
    changes_.push_back({characters[i], 0});
  }
  Transform(changes_, begin);
}

}  // namespace bge::tokenizer
