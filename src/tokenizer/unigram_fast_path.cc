#include "tokenizer/unigram_fast_path.h"

#include "base/stop.h"
#include "tokenizer/normalizer/precompiled.h"
#include "tokenizer/segmentation.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace bge::tokenizer {
namespace {

constexpr size_t kCachedWords = 1 << 14;  // a megabyte for each thread
constexpr char32_t kBasicPlane = 0x10000;
constexpr uint8_t kPropertyBits = kGraphemeClassBits | kConjunctBits;

uint32_t NextNumber() {
  static std::atomic<uint32_t> last{0};
  uint32_t number = ++last;
  while (number == 0) number = ++last;
  return number;
}

}  // namespace

bool UnigramFastPath::Supports(const SentencePieceNormalization& normalization,
                               const SentencePieceWords& words, std::string_view token_starts) {
  const MetaspaceOptions& metaspace = words.metaspace;
  if (!metaspace.split) return false;
  // The general path's way with "first" among words depends on where each came from.
  if (words.splits_whitespace && metaspace.prepend_scheme == PrependScheme::kFirst) return false;
  if (metaspace.prepend_scheme == PrependScheme::kFirst && normalization.space_runs) {
    // A run at the start that is not a space still: what comes first is then not from there.
    std::string replacement;
    AppendUtf8(metaspace.replacement, &replacement);
    const std::string_view runs = *normalization.space_runs;
    if (!runs.starts_with(' ') && !runs.starts_with(replacement)) return false;
  }
  // White space would be both an end and a part of words.
  if (HasFlag(metaspace.replacement, kWhitespace)) return false;
  return std::none_of(token_starts.begin(), token_starts.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (CodePointFlags(byte) & (kWord | kWhitespace)) != 0;
  });
}

UnigramFastPath::UnigramFastPath(const SentencePieceNormalization& normalization,
                                 const SentencePieceWords& words, std::string_view token_starts,
                                 const Unigram& model)
    : normalization_(normalization),
      space_runs_(normalization.space_runs.value_or("")),
      words_(words),
      model_(&model),
      number_(NextNumber()) {
  AppendUtf8(words.metaspace.replacement, &replacement_);
  for (const char c : token_starts) token_starts_[static_cast<unsigned char>(c)] = true;
  info_.resize(kBasicPlane);
  for (char32_t c = 0; c < kBasicPlane; ++c) {
    if (c < 0xD800 || c > 0xDFFF) info_[c] = ComputeInfo(c);
  }
  ascii_.fill(AsciiClass::kOther);
  for (unsigned char c = 0; c < 128; ++c) {
    if ((info_[c] & kPropertyBits) != 0 && c != '\n' && c != '\t') continue;
    const char text = static_cast<char>(c);
    const std::string_view mapped = Map({&text, 1}).value_or(std::string_view(&text, 1));
    if (mapped == " ") {
      ascii_[c] = AsciiClass::kSpace;
    } else if (mapped == std::string_view(&text, 1) &&
               (info_[c] & (kPropertyBits | kIsSpace)) == 0 && c != words.metaspace.replacement &&
               !token_starts_[c]) {
      ascii_[c] = AsciiClass::kWord;
    }
  }
}

uint8_t UnigramFastPath::ComputeInfo(char32_t c) const {
  char bytes[4];
  const size_t size = EncodeUtf8(c, bytes);
  uint8_t info = GraphemeProperties(c);
  if (Map({bytes, size})) info |= kMapped;
  if (HasFlag(c, kWhitespace)) info |= kIsSpace;
  return info;
}

std::optional<std::string_view> UnigramFastPath::Map(std::string_view cluster) const {
  return normalization_.charsmap != nullptr ? normalization_.charsmap->Find(cluster) : std::nullopt;
}

// One call of Tokenize.
template <bool kOffsets>
class UnigramFastPath::Run {
 public:
  Run(const UnigramFastPath& path, const Input& input, size_t limit, const std::stop_token* stop,
      std::vector<int32_t>* ids, std::vector<Offset>* offsets, Scratch* scratch)
      : path_(path),
        model_(*path.model_),
        input_(input),
        limit_(limit),
        stop_(stop),
        ids_(ids),
        offsets_(offsets),
        splits_whitespace_(path.words_.splits_whitespace),
        holds_space_(path.normalization_.strips_right || path.normalization_.space_runs),
        prepends_(
            path.words_.metaspace.prepend_scheme == PrependScheme::kAlways ||
            (path.words_.metaspace.prepend_scheme == PrependScheme::kFirst && input.starts_text)),
        position_(input.first_character),
        scratch_(scratch),
        full_(ids->size() >= limit) {
    if (scratch_->cache.empty()) scratch_->cache.resize(kCachedWords);
    scratch_->pending.clear();
    Grow(std::max(scratch_->word.size(), kFirstCapacity + kPadding) - kPadding);
  }

  Status Read() {
    const char* p = input_.text.data();
    const char* const end = p + input_.text.size();
    const char* next_question = p;
    while (p < end && !refused_ && !(full_ && size_ > 0)) {
      if (p >= next_question) {
        ThrowIfStopped(stop_);
        next_question = p + std::min<ptrdiff_t>(end - p, kBlockBytes);
      }
      const char* const from = p;
      switch (path_.ascii_[static_cast<unsigned char>(*p)]) {
        case AsciiClass::kWord:
          p = ReadAsciiWord(p, std::min(end, p + std::min<ptrdiff_t>(end - p, kBlockBytes)), end);
          break;
        case AsciiClass::kSpace:
          if (p + 1 < end ? static_cast<unsigned char>(p[1]) < 0x80 && *p != '\r'
                          : input_.complete) {
            Put(' ', " ", position_, true);
            ++position_;
            last_was_added_ = false;
            any_output_ = true;
            ++p;
          }
          break;
        default:
          break;
      }
      if (p > from) continue;
      if (!ReadCluster(&p, end)) break;
    }
    if (refused_) return Status::kRefused;
    if (input_.complete && p == end) {
      if (holds_space_ && !path_.normalization_.strips_right) FlushPending();
      if (refused_) return Status::kRefused;
      if (!full_) FinishWord();
    }
    return full_ && size_ > 0 ? Status::kMore : Status::kDone;
  }

 private:
  static constexpr size_t kFirstCapacity = 1024;
  // Bytes behind a word that can be read, and room for one character more.
  static constexpr size_t kPadding = CachedWord::kMostBytes + 8;
  static constexpr ptrdiff_t kBlockBytes = 1 << 20;

  void Grow(size_t capacity) {
    scratch_->word.resize(capacity + kPadding);
    if (kOffsets && scratch_->origins.size() < capacity + kPadding) {
      scratch_->origins.resize(capacity + kPadding);
    }
    word_ = scratch_->word.data();
    capacity_ = capacity;
  }

  // ASCII characters that stay what they are; each is a cluster, as ASCII or nothing follows it.
  const char* ReadAsciiWord(const char* p, const char* stop, const char* end) {
    const char* q = p + 1;
    while (q < stop && path_.ascii_[static_cast<unsigned char>(*q)] == AsciiClass::kWord) ++q;
    if (q == end ? !input_.complete : static_cast<unsigned char>(*q) >= 0x80) --q;
    if (q == p) return p;
    const auto count = static_cast<size_t>(q - p);
    if (!scratch_->pending.empty()) FlushPending();
    BeginWord(position_);
    if (capacity_ - size_ < count) Grow(std::max(capacity_ * 2, size_ + count));
    char* out = word_ + size_;
    for (const char* from = p; from < q; ++from) *out++ = *from;
    if (kOffsets) {
      for (size_t i = 0; i < count; ++i) {
        scratch_->origins[size_ + i] = position_ + static_cast<uint32_t>(i);
      }
    }
    size_ += count;
    position_ += static_cast<uint32_t>(count);
    last_was_added_ = false;
    any_output_ = true;
    return q;
  }

  // The cluster at *p; false where it may go on behind the text.
  bool ReadCluster(const char** p, const char* end) {
    const char* const first = *p;
    const char* at = first;
    const char32_t c = DecodeUtf8(at);
    const uint8_t info = path_.InfoOf(c);
    GraphemeBoundaries boundaries;
    boundaries.Joins(info & kPropertyBits);
    const char* const first_end = at;
    size_t characters = 1;
    while (at < end) {
      ThrowIfStopped(stop_, characters);
      const char* next = at;
      const uint8_t properties = path_.InfoOf(DecodeUtf8(next)) & kPropertyBits;
      if (!boundaries.Joins(properties)) break;
      at = next;
      ++characters;
    }
    if (at == end && !input_.complete) return false;
    *p = at;
    if (characters == 1) {
      PutOriginal(c, info, {first, first_end});
      return true;
    }
    const std::string_view cluster{first, at};
    if (cluster.size() < Precompiled::kWholeClusterBytes) {
      if (const auto mapped = path_.Map(cluster)) {
        PutMapped(*mapped, characters);
        return true;
      }
    }
    for (const char* q = first; q < at && !refused_;) {
      ThrowIfStopped(stop_, static_cast<size_t>(q - first));
      const char* const begin = q;
      const char32_t member = DecodeUtf8(q);
      PutOriginal(member, path_.InfoOf(member), {begin, q});
    }
    return true;
  }

  void PutOriginal(char32_t c, uint8_t info, std::string_view bytes) {
    if ((info & kMapped) != 0) {
      if (const auto mapped = path_.Map(bytes)) return PutMapped(*mapped, 1);
    }
    Put(c, bytes, position_, (info & kIsSpace) != 0);
    ++position_;
    last_was_added_ = false;
    any_output_ = true;
  }

  // `text` in the place of `old_count` characters.
  void PutMapped(std::string_view text, size_t old_count) {
    mapped_bytes_ += text.size();
    // The general path knows how much is too much.
    constexpr size_t kMostGrowth = 64;
    if (mapped_bytes_ / kMostGrowth > input_.text.size() + 1) refused_ = true;
    size_t count = 0;
    for (const char* p = text.data(); p < text.data() + text.size() && !refused_; ++count) {
      const char* const begin = p;
      const char32_t c = DecodeUtf8(p);
      Put(c, {begin, p}, position_ + static_cast<uint32_t>(std::min(count, old_count - 1)),
          HasFlag(c, kWhitespace));
    }
    // What is removed changes what the last character stands for, if that is known to stand for
    // nothing itself; in front of all others it moves what they stand for.
    if (kOffsets && count == 0 && (!any_output_ || last_was_added_)) refused_ = true;
    if (count > 0) {
      last_was_added_ = count > old_count;
      any_output_ = true;
    }
    position_ += static_cast<uint32_t>(old_count);
  }

  // A normalised character. White space waits where what comes next decides about it.
  void Put(char32_t c, std::string_view bytes, uint32_t origin, bool is_space) {
    if (bytes.size() == 1 && path_.token_starts_[static_cast<unsigned char>(bytes[0])]) {
      refused_ = true;
      return;
    }
    if (holds_space_) {
      if (is_space) {
        scratch_->pending.push_back({c, origin});
        return;
      }
      if (!scratch_->pending.empty()) FlushPending();
    }
    PutInWord(c, bytes, origin, is_space);
  }

  void FlushPending() {
    const auto& pending = scratch_->pending;
    for (size_t i = 0; i < pending.size();) {
      size_t run = i;
      while (run < pending.size() && pending[run].character == U' ') ++run;
      if (run - i >= 2 && path_.normalization_.space_runs) {
        const std::string& text = path_.space_runs_;
        for (const char* p = text.data(); p < text.data() + text.size();) {
          const char* const begin = p;
          const char32_t c = DecodeUtf8(p);
          if (path_.token_starts_[static_cast<unsigned char>(*begin)]) refused_ = true;
          PutInWord(c, {begin, p}, pending[run - 1].origin, HasFlag(c, kWhitespace));
        }
        i = run;
        continue;
      }
      char bytes[4];
      const size_t size = EncodeUtf8(pending[i].character, bytes);
      PutInWord(pending[i].character, {bytes, size}, pending[i].origin, true);
      ++i;
    }
    scratch_->pending.clear();
  }

  void PutInWord(char32_t c, std::string_view bytes, uint32_t origin, bool is_space) {
    if (is_space && splits_whitespace_) {
      FinishWord();
      return;
    }
    if (c == U' ' || c == path_.words_.metaspace.replacement) {
      FinishWord();
      in_text_ = true;
      Append(path_.replacement_, origin);
      return;
    }
    BeginWord(origin);
    Append(bytes, origin);
  }

  // In front of a character that does not begin a word by itself.
  void BeginWord(uint32_t origin) {
    if (size_ > 0 || !prepends_) return;
    if (!splits_whitespace_) {
      if (in_text_) return;
      in_text_ = true;
    }
    Append(path_.replacement_, origin);
  }

  void Append(std::string_view bytes, uint32_t origin) {
    if (capacity_ - size_ < bytes.size()) Grow(capacity_ * 2);
    for (const char byte : bytes) {
      if (kOffsets) scratch_->origins[size_] = origin;
      word_[size_++] = byte;
    }
  }

  // The word read so far becomes tokens. Where the limit is reached it stays, and is the word by
  // which it is known that there is more.
  void FinishWord() {
    if (size_ == 0 || full_) return;
    if (size_ <= CachedWord::kMostBytes) {
      TokenizeShort();
    } else {
      model_.Cut(word_, size_, stop_, &scratch_->lattice,
                 [&](int32_t id, size_t begin, size_t end) { Emit(id, begin, end); });
    }
    size_ = 0;
    full_ = ids_->size() >= limit_;
  }

  void TokenizeShort() {
    CachedWord word;
    word.owner = path_.number_;
    word.size = static_cast<uint8_t>(size_);
    uint64_t hash = size_;
    for (size_t i = 0; i < word.key.size(); ++i) {
      uint64_t part = 0;
      if (size_ > i * 8) {
        std::memcpy(&part, word_ + i * 8, sizeof(part));
        const size_t left = size_ - i * 8;
        if (left < 8) part &= ~uint64_t{0} >> (64 - 8 * left);
        hash = (hash ^ part) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
      }
      word.key[i] = part;
    }
    CachedWord& cached = scratch_->cache[(hash ^ hash >> 16 ^ word.owner) % kCachedWords];
    if (cached.owner == word.owner && cached.size == word.size && cached.key == word.key) {
      size_t begin = 0;
      for (size_t i = 0; i < cached.tokens; ++i) {
        Emit(cached.ids[i], kOffsets ? begin : 0, cached.ends[i]);
        begin = cached.ends[i];
      }
      return;
    }
    size_t tokens = 0;
    size_t last_end = 0;
    bool fits = true;
    model_.Cut(word_, size_, stop_, &scratch_->lattice, [&](int32_t id, size_t begin, size_t end) {
      Emit(id, begin, end);
      // The bytes of an unknown piece all have its place; an entry has no words for that.
      if (tokens >= CachedWord::kMostTokens || begin != last_end) {
        fits = false;
        return;
      }
      word.ids[tokens] = id;
      word.ends[tokens++] = static_cast<uint8_t>(end);
      last_end = end;
    });
    if (!fits) return;
    word.tokens = static_cast<uint8_t>(tokens);
    cached = word;
  }

  void Emit(int32_t id, size_t begin, size_t end) {
    ids_->push_back(id);
    if (kOffsets) offsets_->push_back({scratch_->origins[begin], scratch_->origins[end - 1] + 1});
  }

  const UnigramFastPath& path_;
  const Unigram& model_;
  const Input& input_;
  const size_t limit_;
  const std::stop_token* const stop_;
  std::vector<int32_t>* const ids_;
  std::vector<Offset>* const offsets_;
  const bool splits_whitespace_;
  const bool holds_space_;
  const bool prepends_;
  uint32_t position_;  // number of the original character at which reading is
  Scratch* const scratch_;
  char* word_ = nullptr;
  size_t capacity_ = 0;
  size_t size_ = 0;              // bytes of the word
  size_t mapped_bytes_ = 0;      // written in place of others
  bool in_text_ = false;         // some word has begun
  bool any_output_ = false;      // some character is normalised
  bool last_was_added_ = false;  // the last one stands for no character of its own
  bool refused_ = false;
  bool full_;  // the limit is reached
};

UnigramFastPath::Status UnigramFastPath::Tokenize(const Input& input, size_t limit,
                                                  const std::stop_token* stop,
                                                  std::vector<int32_t>* ids,
                                                  std::vector<Offset>* offsets,
                                                  Scratch* scratch) const {
  if (offsets == nullptr)
    return Run<false>(*this, input, limit, stop, ids, nullptr, scratch).Read();
  return Run<true>(*this, input, limit, stop, ids, offsets, scratch).Read();
}

}  // namespace bge::tokenizer
