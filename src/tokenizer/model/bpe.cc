#include "tokenizer/model/bpe.h"

#include "base/error.h"
#include "base/per_thread.h"
#include "base/stop.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

namespace bge::tokenizer {
namespace {

// A character can become as many tokens as these have bytes.
constexpr size_t kMostAffixBytes = 32;

std::atomic<uint64_t> next_instance{1};

// The character that `token` consists of, between a prefix and a suffix; nullopt where it has not
// exactly one there.
std::optional<char32_t> OnlyCharacter(std::string_view token, std::string_view prefix,
                                      std::string_view suffix) {
  if (token.size() <= prefix.size() + suffix.size() || !token.starts_with(prefix) ||
      !token.ends_with(suffix)) {
    return std::nullopt;
  }
  token.remove_prefix(prefix.size());
  token.remove_suffix(suffix.size());
  if (IsUtf8Continuation(token[0]) || Utf8Length(token[0]) != token.size()) return std::nullopt;
  const char* p = token.data();
  return DecodeUtf8(p);
}

}  // namespace

// The symbols of a word: a doubly linked list in a vector, in which merging leaves holes, and the
// merges that wait. Reused from word to word.
class Bpe::Word {
 public:
  void Clear() {
    symbols_.clear();
    queue_.clear();
  }
  void Add(int32_t id, uint32_t bytes) {
    const auto at = static_cast<uint32_t>(symbols_.size());
    symbols_.push_back({id, bytes, at - 1, at + 1});  // the first has kNone in front
  }

  size_t size() const { return symbols_.size(); }

  void MergeAll(const MergeTable& merges, const std::stop_token* stop) {
    if (symbols_.empty()) return;
    symbols_.back().next = kNone;
    for (uint32_t at = 0; at + 1 < symbols_.size(); ++at) {
      ThrowIfStopped(stop, at);
      Offer(merges, at, at + 1);
    }
    std::make_heap(queue_.begin(), queue_.end());
    for (size_t step = 0; !queue_.empty(); ++step) {
      ThrowIfStopped(stop, step);
      std::pop_heap(queue_.begin(), queue_.end());
      const Candidate top = queue_.back();
      queue_.pop_back();
      Symbol& left = symbols_[top.at];
      if (left.bytes == 0 || left.next == kNone) continue;
      Symbol& right = symbols_[left.next];
      // Parity: whether a candidate still holds is seen from what it makes, not from its rank.
      const MergeTable::Merge* merge = merges.Find(left.id, right.id);
      if (merge == nullptr || merge->id != top.id) continue;
      left.id = top.id;
      left.bytes += right.bytes;
      left.next = right.next;
      right.bytes = 0;
      if (left.next != kNone) symbols_[left.next].previous = top.at;
      if (left.previous != kNone && Offer(merges, left.previous, top.at)) Push();
      if (left.next != kNone && Offer(merges, top.at, left.next)) Push();
    }
  }

  static constexpr size_t kSmall = 32;  // symbols

  // As MergeAll, for few symbols: looks at all of them for each merge. Only where a merge's token
  // is longer than its parts and belongs to no other string: then no candidate can outlive its
  // pair.
  void MergeFew(const MergeTable& merges) {
    struct Pair {
      uint32_t rank;
      int32_t id;
    };
    constexpr uint32_t kNever = std::numeric_limits<uint32_t>::max();
    std::array<Pair, kSmall> pairs;  // of each symbol and the next
    size_t count = symbols_.size();
    const auto look = [&](size_t at) {
      const MergeTable::Merge* merge = merges.Find(symbols_[at].id, symbols_[at + 1].id);
      pairs[at] = merge == nullptr ? Pair{kNever, -1} : Pair{merge->rank, merge->id};
    };
    for (size_t at = 0; at + 1 < count; ++at) look(at);
    while (count > 1) {
      size_t best = 0;
      for (size_t at = 1; at + 1 < count; ++at) {
        if (pairs[at].rank < pairs[best].rank) best = at;
      }
      if (pairs[best].rank == kNever) break;
      symbols_[best].id = pairs[best].id;
      symbols_[best].bytes += symbols_[best + 1].bytes;
      --count;
      for (size_t at = best + 1; at < count; ++at) {
        symbols_[at] = symbols_[at + 1];
        pairs[at - 1] = pairs[at];
      }
      if (best > 0) look(best - 1);
      if (best + 1 < count) look(best);
    }
    symbols_.resize(count);
  }

  template <typename F>
  void ForEach(F&& f) const {  // f(id, bytes)
    for (const Symbol& symbol : symbols_) {
      if (symbol.bytes > 0) f(symbol.id, symbol.bytes);
    }
  }

  // One huge word must not hold its memory for ever.
  void Shrink() {
    constexpr size_t kMostKept = 1 << 14;
    if (symbols_.capacity() > kMostKept) std::vector<Symbol>().swap(symbols_);
    if (queue_.capacity() > kMostKept) std::vector<Candidate>().swap(queue_);
  }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  struct Symbol {
    int32_t id;
    uint32_t bytes;  // 0: merged into one in front
    uint32_t previous, next;
  };
  struct Candidate {
    uint32_t rank, at;
    int32_t id;
    // For a heap whose top is the lowest rank, and the first place of those.
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };

  bool Offer(const MergeTable& merges, uint32_t left, uint32_t right) {
    const MergeTable::Merge* merge = merges.Find(symbols_[left].id, symbols_[right].id);
    if (merge == nullptr) return false;
    queue_.push_back({merge->rank, left, merge->id});
    return true;
  }
  void Push() { std::push_heap(queue_.begin(), queue_.end()); }

  std::vector<Symbol> symbols_;
  std::vector<Candidate> queue_;
};

// The tokens of short words that a thread met lately, of all its tokenizers.
struct Bpe::Cache {
  static constexpr size_t kMostBytes = 24;
  static constexpr size_t kMostTokens = 6;
  static constexpr size_t kEntries = 16384;

  struct Key {
    uint64_t words[3] = {};
    uint64_t owner;  // the tokenizer's number << 8 | bytes; 0: free
    bool operator==(const Key&) const = default;
  };
  struct alignas(64) Entry {
    Key key;
    int32_t ids[kMostTokens];
    uint8_t ends[kMostTokens];
    uint8_t count;
  };

  static Key KeyOf(std::string_view word, uint64_t instance) {
    // In whole words that overlap: a copy of so many bytes takes longer.
    const auto load = [](const char* p, auto zero) {
      std::memcpy(&zero, p, sizeof(zero));
      return zero;
    };
    const auto load8 = [&](const char* p) { return load(p, uint64_t{0}); };
    const auto load4 = [&](const char* p) { return uint64_t{load(p, uint32_t{0})}; };
    const size_t size = word.size();
    const char* const begin = word.data();
    const char* const end = begin + size;
    Key key;
    if (size > 8) {
      key.words[0] = load8(begin);
      if (size > 16) {
        key.words[1] = load8(begin + 8);
        key.words[2] = load8(end - 8) >> (8 * (24 - size));
      } else {
        key.words[1] = load8(end - 8) >> (8 * (16 - size));
      }
    } else if (size > 3) {
      key.words[0] = load4(begin) | load4(end - 4) >> (8 * (8 - size)) << 32;
    } else {
      for (size_t i = 0; i < size; ++i) {
        key.words[0] |= uint64_t{static_cast<unsigned char>(begin[i])} << (8 * i);
      }
    }
    key.owner = instance << 8 | word.size();
    return key;
  }
  // Two places where an entry can be: what is new pushes the older of them out.
  Entry* SlotOf(const Key& key) {
    uint64_t hash = key.owner * 0x9E3779B97F4A7C15u;
    for (const uint64_t word : key.words) {
      hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
      hash ^= hash >> 32;
    }
    return &entries[hash % (kEntries / 2) * 2];
  }

  std::vector<Entry> entries = std::vector<Entry>(kEntries, Entry{{{}, 0}, {}, {}, 0});
};

struct Bpe::Scratch {
  Word word;
  Cache cache;
};

void Bpe::Characters::Add(char32_t c, int32_t id) {
  if (c < kDense) {
    dense_[c] = id;
  } else {
    others_[c] = id;
  }
}

Bpe::Bpe(Vocabulary vocabulary, const std::vector<Merge>& merges, BpeOptions options,
         std::string where)
    : vocabulary_(std::move(vocabulary)),
      options_(std::move(options)),
      where_(std::move(where)),
      has_prefix_(!options_.continuing_subword_prefix.empty()),
      has_suffix_(!options_.end_of_word_suffix.empty()),
      instance_(next_instance++) {
  for (const std::string* affix :
       {&options_.continuing_subword_prefix, &options_.end_of_word_suffix}) {
    if (affix->size() > kMostAffixBytes) {
      Fail(ErrorCode::kUnsupported,
           "a prefix or suffix of " + std::to_string(affix->size()) + " bytes", where_,
           "expected at most 32 bytes (## and </w> are common)");
    }
  }
  if (options_.unk_token) unk_id_ = vocabulary_.Find(*options_.unk_token);
  for (unsigned byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    const char token[] = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
    byte_ids_[byte] = vocabulary_.Find({token, sizeof(token)}).value_or(-1);
  }
  AddMerges(merges);
  FindCharacters();
  each_token_is_one_string_ = !has_prefix_ && vocabulary_.ids_are_unique() && !vocabulary_.Find("");
  if (each_token_is_one_string_ && !has_suffix_ && !options_.ignore_merges) FindJoins();
}

void Bpe::AddMerges(const std::vector<Merge>& merges) {
  std::vector<MergeTable::Merge> found;
  found.reserve(merges.size());
  const size_t prefix = options_.continuing_subword_prefix.size();
  std::string merged;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const auto id_of = [&](std::string_view token) {
      const auto id = vocabulary_.Find(token);
      if (id) return *id;
      Fail(ErrorCode::kCorruptData,
           "merge " + std::to_string(rank + 1) + " has a token '" + Printable(token, 60) +
               "' that is not in the vocabulary",
           where_, "expected merges whose parts and results are tokens");
    };
    const int32_t left_id = id_of(left);
    const int32_t right_id = id_of(right);
    // Parity: as many bytes as the prefix has are taken off, whatever they are.
    merged.assign(left);
    merged.append(right.substr(std::min(prefix, right.size())));
    found.push_back({left_id, right_id, static_cast<uint32_t>(rank), id_of(merged)});
  }
  merges_.Build(found, where_);
}

void Bpe::FindCharacters() {
  const std::string_view prefix = options_.continuing_subword_prefix;
  const std::string_view suffix = options_.end_of_word_suffix;
  for (const auto& [token, id] : vocabulary_.Entries()) {
    const auto add = [&, t = token, i = id](size_t kind, std::string_view before,
                                            std::string_view behind) {
      if (const auto c = OnlyCharacter(t, before, behind)) characters_[kind].Add(*c, i);
    };
    add(0, {}, {});
    if (has_prefix_) add(1, prefix, {});
    if (has_suffix_) add(2, {}, suffix);
    if (has_prefix_ && has_suffix_) add(3, prefix, suffix);
  }
}

void Bpe::FindJoins() {
  joins_.assign(size_t{1} << (kJoinBits - 6), 0);
  for (const auto& [token, id] : vocabulary_.Entries()) {
    const char* p = token.data();
    const char* const end = p + token.size();
    for (char32_t left = 0; p < end;) {
      const char32_t c = DecodeUtf8(p);
      const uint32_t bit = JoinBit(left, c);
      joins_[bit >> 6] |= uint64_t{1} << (bit & 63);
      left = c;
    }
  }
}

int32_t Bpe::unk_id() const {
  if (!unk_id_) {
    Fail(ErrorCode::kCorruptData,
         "unknown character, and no unknown token '" + Printable(*options_.unk_token, 60) + "'",
         where_, "add unk_token to the vocabulary");
  }
  return *unk_id_;
}

void Bpe::AddCharacters(std::string_view word, const std::stop_token* stop, Word* symbols) const {
  const char* p = word.data();
  const char* const end = p + word.size();
  uint32_t unknown = 0;  // bytes of the unknown token that is not added yet, if any
  for (size_t step = 0; p < end; ++step) {
    ThrowIfStopped(stop, step);
    const char* const begin = p;
    const char32_t c = DecodeUtf8(p);
    const auto bytes = static_cast<uint32_t>(p - begin);
    const bool first = begin == word.data();
    const bool last = p == end;
    const int32_t id = CharactersAt(first, last).Find(c);
    if (id >= 0) {
      if (unknown > 0) symbols->Add(unk_id(), unknown);
      unknown = 0;
      symbols->Add(id, bytes);
      continue;
    }
    if (options_.byte_fallback) {
      // Parity: the bytes of prefix and suffix too, each one byte of the text long; and an unknown
      // token that waits comes behind them.
      std::array<char, 4 + 2 * kMostAffixBytes> text;
      size_t size = 0;
      const auto append = [&](std::string_view part) {
        std::memcpy(text.data() + size, part.data(), part.size());
        size += part.size();
      };
      if (!first) append(options_.continuing_subword_prefix);
      append({begin, bytes});
      if (last) append(options_.end_of_word_suffix);
      const auto id_of = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
      if (std::all_of(text.data(), text.data() + size, [&](char b) { return id_of(b) >= 0; })) {
        std::for_each(text.data(), text.data() + size, [&](char b) { symbols->Add(id_of(b), 1); });
        continue;
      }
    }
    if (!options_.unk_token) continue;  // Parity: it is left out, and those behind move up
    if (unknown > 0 && options_.fuse_unk) {
      unknown += bytes;
      continue;
    }
    if (unknown > 0) symbols->Add(unk_id(), unknown);
    unk_id();
    unknown = bytes;
  }
  if (unknown > 0) symbols->Add(unk_id(), unknown);
}

void Bpe::Merged(std::string_view part, uint32_t begin, const std::stop_token* stop,
                 Scratch* scratch, std::vector<ModelToken>* tokens) const {
  Word& word = scratch->word;
  word.Clear();
  AddCharacters(part, stop, &word);
  if (word.size() <= Word::kSmall && each_token_is_one_string_) {
    word.MergeFew(merges_);
  } else {
    word.MergeAll(merges_, stop);
  }
  word.ForEach([&](int32_t id, uint32_t bytes) {
    tokens->push_back({id, begin, begin + bytes});
    begin += bytes;
  });
  word.Shrink();
}

void Bpe::TokenizePart(std::string_view part, uint32_t begin, const std::stop_token* stop,
                       Scratch* scratch, std::vector<ModelToken>* tokens) const {
  if (part.size() > Cache::kMostBytes) {
    Merged(part, begin, stop, scratch, tokens);
    return;
  }
  const Cache::Key key = Cache::KeyOf(part, instance_);
  Cache::Entry* const slot = scratch->cache.SlotOf(key);
  for (const Cache::Entry* entry : {slot, slot + 1}) {
    if (entry->key != key) continue;
    uint32_t from = begin;
    for (size_t i = 0; i < entry->count; ++i) {
      tokens->push_back({entry->ids[i], from, begin + entry->ends[i]});
      from = begin + entry->ends[i];
    }
    return;
  }
  const size_t first = tokens->size();
  const auto whole = options_.ignore_merges ? vocabulary_.Find(part) : std::nullopt;
  if (whole) {
    tokens->push_back({*whole, begin, begin + static_cast<uint32_t>(part.size())});
  } else {
    Merged(part, begin, stop, scratch, tokens);
  }
  const size_t count = tokens->size() - first;
  if (count > Cache::kMostTokens) return;
  slot[1] = slot[0];
  slot->key = key;
  slot->count = static_cast<uint8_t>(count);
  for (size_t i = 0; i < count; ++i) {
    const ModelToken& token = (*tokens)[first + i];
    slot->ids[i] = token.id;
    slot->ends[i] = static_cast<uint8_t>(token.end - begin);
  }
}

void Bpe::Tokenize(std::string_view word, const std::stop_token* stop,
                   std::vector<ModelToken>* tokens) const {
  static PerThread<Scratch> scratches;
  Scratch& scratch = scratches.Get();
  if (word.size() <= Cache::kMostBytes) {
    TokenizePart(word, 0, stop, &scratch, tokens);
    return;
  }
  if (options_.ignore_merges) {
    if (const auto whole = vocabulary_.Find(word)) {
      tokens->push_back({*whole, 0, static_cast<uint32_t>(word.size())});
      return;
    }
  }
  if (joins_.empty()) {
    Merged(word, 0, stop, &scratch, tokens);
    return;
  }
  // No merge takes in both of two known characters that no token has beside each other.
  uint32_t begin = 0;  // as upstream counts: without the characters that were left out
  size_t part = 0;     // where it starts in the word
  char32_t left = 0;
  bool left_known = false;
  const char* p = word.data();
  const char* const end = p + word.size();
  for (size_t step = 0; p < end; ++step) {
    ThrowIfStopped(stop, step);
    const auto at = static_cast<size_t>(p - word.data());
    const char32_t c = DecodeUtf8(p);
    const bool known = characters_[0].Find(c) >= 0;
    if (known && left_known && !MayJoin(left, c)) {
      const size_t first = tokens->size();
      TokenizePart(word.substr(part, at - part), begin, stop, &scratch, tokens);
      if (tokens->size() > first) begin = tokens->back().end;
      part = at;
    }
    left = c;
    left_known = known;
  }
  TokenizePart(word.substr(part), begin, stop, &scratch, tokens);
}

namespace {

std::optional<std::string> StringOrNull(const json::Value& json, std::string_view key) {
  const auto value = json.FindNonNull(key);
  return value ? std::optional<std::string>(value->AsString()) : std::nullopt;
}

bool FlagOrNull(const json::Value& json, std::string_view key) {
  const auto value = json.FindNonNull(key);
  return value && value->AsBool();
}

// ["a b", "ab c"], as files up to 2024 have them, or [["a", "b"], ["ab", "c"]].
std::vector<Bpe::Merge> ReadMerges(const json::Value& json) {
  std::vector<Bpe::Merge> merges;
  merges.reserve(json.size());
  std::optional<bool> as_pairs;
  json.ForEachElement([&](json::Value merge) {
    if (!as_pairs) as_pairs = merge.is_array();
    if (*as_pairs) {
      if (!merge.is_array() || merge.size() != 2) {
        merge.Fail("a merge is not two tokens", "expected [\"a\", \"b\"]");
      }
      std::string_view tokens[2];
      size_t i = 0;
      merge.ForEachElement([&](json::Value token) { tokens[i++] = token.AsString(); });
      merges.emplace_back(tokens[0], tokens[1]);
      return;
    }
    const std::string_view line = merge.AsString();
    if (line.starts_with("#version")) return;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      merge.Fail("merge '" + Printable(line, 60) + "' is not two tokens",
                 "expected \"a b\", or [\"a\", \"b\"] for tokens with spaces");
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  });
  return merges;
}

}  // namespace

std::unique_ptr<const Model> MakeBpe(const json::Value& json) {
  BpeOptions options;
  options.unk_token = StringOrNull(json, "unk_token");
  options.continuing_subword_prefix = StringOrNull(json, "continuing_subword_prefix").value_or("");
  options.end_of_word_suffix = StringOrNull(json, "end_of_word_suffix").value_or("");
  options.fuse_unk = FlagOrNull(json, "fuse_unk");
  options.byte_fallback = FlagOrNull(json, "byte_fallback");
  options.ignore_merges = FlagOrNull(json, "ignore_merges");
  if (const auto dropout = json.FindNonNull("dropout")) {
    const double value = dropout->AsDouble();
    if (!(value >= 0 && value <= 1)) {
      dropout->Fail("found " + std::to_string(value), "expected a probability, or null");
    }
  }
  const json::Value merges = json.At("merges");
  return std::make_unique<Bpe>(Vocabulary::FromJson(json.At("vocab")), ReadMerges(merges),
                               std::move(options), merges.Where());
}

}  // namespace bge::tokenizer
