#include "tokenizer/added_vocabulary.h"

#include "base/error.h"
#include "base/stop.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace bge::tokenizer {
namespace {

// The matcher takes some fifty bytes of memory for each byte of an added token. Real tokenizers
// have some kilobytes of them.
constexpr size_t kMostBytes = 16 << 20;
// Looking for a token takes up to its length at each byte of a text.
constexpr size_t kMostTokenBytes = 4096;

// The regular expressions \w$, ^\w, \s*$ and ^\s*.
bool EndsWithWord(std::string_view text) {
  if (text.empty()) return false;
  size_t i = text.size() - 1;
  while (IsUtf8Continuation(text[i])) --i;
  const char* p = text.data() + i;
  return HasFlag(DecodeUtf8(p), kWord);
}

bool StartsWithWord(std::string_view text) {
  if (text.empty()) return false;
  const char* p = text.data();
  return HasFlag(DecodeUtf8(p), kWord);
}

// Where the white space at the end of text[from, to) begins.
size_t SpaceAtEnd(std::string_view text, size_t from, size_t to) {
  while (to > from) {
    size_t i = to - 1;
    while (i > from && IsUtf8Continuation(text[i])) --i;
    const char* p = text.data() + i;
    if (!HasFlag(DecodeUtf8(p), kWhitespace)) break;
    to = i;
  }
  return to;
}

// Where the white space that begins at `from` ends.
size_t SpaceAtStart(std::string_view text, size_t from) {
  while (from < text.size()) {
    const char* p = text.data() + from;
    if (!HasFlag(DecodeUtf8(p), kWhitespace)) break;
    from = static_cast<size_t>(p - text.data());
  }
  return from;
}

}  // namespace

void TokenMatcher::Add(std::string_view content, int32_t id) {
  if (content.empty()) return;
  const auto first = static_cast<unsigned char>(content[0]);
  if (empty_) {
    only_start_ = content[0];
  } else if (only_start_ != content[0]) {
    only_start_.reset();
  }
  empty_ = false;
  longest_ = std::max(longest_, content.size());
  starts_[first] = true;
  uint32_t node = 0;
  for (const char c : content) {
    const uint64_t key = uint64_t{node} << 8 | static_cast<unsigned char>(c);
    const auto [edge, added] = next_.try_emplace(key, static_cast<uint32_t>(ids_.size()));
    if (added) ids_.push_back(-1);
    node = edge->second;
  }
  ids_[node] = id;
}

std::string TokenMatcher::Starts() const {
  std::string starts;
  for (size_t byte = 0; byte < starts_.size(); ++byte) {
    if (starts_[byte]) starts += static_cast<char>(byte);
  }
  return starts;
}

size_t TokenMatcher::NextCandidate(std::string_view text, size_t from) const {
  if (only_start_) {
    const void* found = std::memchr(text.data() + from, *only_start_, text.size() - from);
    return found == nullptr ? text.size()
                            : static_cast<size_t>(static_cast<const char*>(found) - text.data());
  }
  while (from < text.size() && !starts_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

std::optional<TokenMatcher::Match> TokenMatcher::Find(std::string_view text, size_t from,
                                                      const std::stop_token* stop) const {
  if (empty_) return std::nullopt;
  for (size_t begin = from; begin < text.size(); ++begin) {
    ThrowIfStopped(stop);
    begin = NextCandidate(text, begin);
    std::optional<Match> longest;
    uint32_t node = 0;
    for (size_t i = begin; i < text.size(); ++i) {
      const auto edge = next_.find(uint64_t{node} << 8 | static_cast<unsigned char>(text[i]));
      if (edge == next_.end()) break;
      node = edge->second;
      if (ids_[node] >= 0) longest = Match{{begin, i + 1}, ids_[node]};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

void AddedVocabulary::Add(const std::vector<AddedToken>& tokens, const Model& model,
                          const Normalizer* normalizer) {
  // The next free id: behind the model's number of tokens and behind every added token.
  auto next_id = static_cast<int64_t>(model.vocab_size());
  if (!by_id_.empty()) next_id = std::max<int64_t>(next_id, by_id_.rbegin()->first + int64_t{1});
  NormalizedString text;
  size_t bytes = 0;
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    bytes += token.content.size();
    if (bytes > kMostBytes) {
      Fail(ErrorCode::kUnsupported, "added tokens of more than 16 MiB",
           Printable(token.content, 60), "expected a few thousand short strings");
    }
    std::optional<int32_t> id = TokenToId(token.content);
    if (!id) id = model.TokenToId(token.content);
    if (!id) {
      if (next_id > std::numeric_limits<int32_t>::max()) {
        Fail(ErrorCode::kCorruptData, "no id is left for an added token",
             Printable(token.content, 60), "ids are below 2^31");
      }
      id = static_cast<int32_t>(next_id++);
    }
    std::string normalized = token.content;
    if (token.normalized && normalizer != nullptr) {
      text.Assign(token.content, 0);
      normalizer->Normalize(&text);
      normalized = text.text();
    }
    if (std::max(token.content.size(), normalized.size()) > kMostTokenBytes) {
      Fail(ErrorCode::kUnsupported, "an added token of more than 4096 bytes",
           "added_tokens: content " + Printable(token.content, 60), "expected a short string");
    }
    ids_[token.content] = *id;
    if (token.special) special_.insert(token.content);
    by_id_[*id] = {token, std::move(normalized)};
  }
  original_ = normalized_ = TokenMatcher();
  for (const auto& [id, entry] : by_id_) {
    if (entry.token.normalized) {
      normalized_.Add(entry.normalized, id);
    } else {
      original_.Add(entry.token.content, id);
    }
  }
}

void AddedVocabulary::Find(const TokenMatcher& matcher, std::string_view text,
                           const std::stop_token* stop, std::vector<Cut>* cuts) const {
  cuts->clear();
  size_t done = 0;
  size_t from = 0;
  // The run of white space that rstrip took last. Matches may begin inside it: cuts overlap then.
  ByteRange taken;
  while (const auto match = matcher.Find(text, from, stop)) {
    from = match->range.end;
    size_t begin = match->range.begin;
    size_t end = match->range.end;
    const AddedToken& token = by_id_.find(match->id)->second.token;
    if (token.single_word &&
        (EndsWithWord(text.substr(0, begin)) || StartsWithWord(text.substr(end)))) {
      continue;
    }
    // White space that the token before took is not taken twice.
    if (token.lstrip && begin > done) begin = SpaceAtEnd(text, done, begin);
    if (token.lstrip && begin < done) begin = done;
    if (token.rstrip) {
      if (end < taken.begin || end > taken.end) taken = {end, SpaceAtStart(text, end)};
      end = taken.end;
    }
    if (done < begin) cuts->push_back({{done, begin}, std::nullopt});
    // Upstream fails where lstrip and a token before leave nothing of this one.
    if (begin < end) cuts->push_back({{begin, end}, match->id});
    done = end;
  }
  if (done < text.size()) cuts->push_back({{done, text.size()}, std::nullopt});
}

// Whether a token begins in front of `end` is certain: the longest would lie in `text`. Where one
// ends that ends behind it is not (rstrip, single_word), so it is left out with all that follows.
void AddedVocabulary::FindInStart(std::string_view text, size_t end, const std::stop_token* stop,
                                  std::vector<Cut>* cuts) const {
  FindInOriginal(text, stop, cuts);
  auto undecided = std::find_if(cuts->begin(), cuts->end(),
                                [end](const Cut& cut) { return cut.range.end > end; });
  if (undecided != cuts->end() && !undecided->id && undecided->range.begin < end) {
    undecided->range.end = end;
    ++undecided;
  }
  cuts->erase(undecided, cuts->end());
}

std::optional<int32_t> AddedVocabulary::TokenToId(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string_view> AddedVocabulary::IdToToken(int32_t id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return found->second.normalized;
}

bool AddedVocabulary::IsSpecial(std::string_view token) const {
  return special_.contains(std::string(token));
}

bool AddedVocabulary::IsSpecialId(int32_t id) const {
  const auto found = by_id_.find(id);
  return found != by_id_.end() && found->second.token.special;
}

size_t AddedVocabulary::CountUnknownTo(const Model& model) const {
  return static_cast<size_t>(std::count_if(
      ids_.begin(), ids_.end(), [&](const auto& entry) { return !model.TokenToId(entry.first); }));
}

}  // namespace bge::tokenizer
