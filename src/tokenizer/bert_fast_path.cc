#include "tokenizer/bert_fast_path.h"

#include "base/stop.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

#include <algorithm>

namespace bge::tokenizer {

BertFastPath::BertFastPath(const BertNormalizerOptions& options, const WordPiece& model)
    : options_(options), strips_accents_(options.strips_accents()), model_(&model) {
  class_.fill(kNotAscii);
  for (char32_t c = 0; c < 128; ++c) {
    const uint8_t flags = CodePointFlags(c);
    class_[c] = options.clean_text && (flags & kControl) ? kAsciiDropped
                : flags & kWhitespace                    ? kAsciiSpace
                : flags & kPunctuation                   ? kAsciiPunctuation
                                                         : kAsciiWord;
    const bool upper = options.lowercase && c >= 'A' && c <= 'Z';
    mapped_[c] = static_cast<char>(upper ? c + ('a' - 'A') : c);
  }
}

// One call of Tokenize.
template <bool kOffsets>
class BertFastPath::Run {
 public:
  Run(const BertFastPath& path, const Input& input, size_t limit, const std::stop_token* stop,
      std::vector<int32_t>* ids, std::vector<Offset>* offsets, Scratch* scratch)
      : path_(path),
        model_(*path.model_),
        input_(input),
        limit_(limit),
        stop_(stop),
        ids_(ids),
        offsets_(offsets),
        character_(input.first_character),
        scratch_(scratch),
        full_(ids->size() >= limit) {
    const size_t present = scratch_->word.size();
    Grow(present < kFirstCapacity ? kFirstCapacity : present - PieceTable::kPadding);
  }

  Status Read() {
    const char* p = input_.text.data();
    const char* const end = p + input_.text.size();
    while (p < end && !full_) {
      ThrowIfStopped(stop_);
      const auto block = std::min<size_t>(static_cast<size_t>(end - p), kBlockBytes);
      if (!ReadBlock(&p, p + block, end)) return Status::kRefused;
    }
    if (full_) return LookForMore(p, end);
    if (input_.complete) FinishWord();
    return Status::kDone;
  }

 private:
  static constexpr size_t kFirstCapacity = 1024;
  static constexpr size_t kBlockBytes = 1 << 20;

  // From *from on: up to block_end, or the end of the word there.
  bool ReadBlock(const char** from, const char* block_end, const char* end) {
    const char* p = *from;
    while (p < block_end && !full_) {
      const auto byte = static_cast<unsigned char>(*p);
      switch (path_.class_[byte]) {
        case kAsciiWord:
          p = ReadAsciiWord(p, end);
          continue;
        case kAsciiSpace:
          FinishWord();
          break;
        case kAsciiPunctuation:
          FinishWord();
          Put(*p);
          FinishWord();
          break;
        case kAsciiDropped:
          break;
        default:
          if (!ReadCharacter(&p)) return false;
          ++character_;
          continue;
      }
      ++p;
      ++character_;
    }
    *from = p;
    return true;
  }

  void Grow(size_t capacity) {
    scratch_->word.resize(capacity + PieceTable::kPadding);
    if (kOffsets && scratch_->origins.size() < capacity) scratch_->origins.resize(capacity);
    word_ = scratch_->word.data();
    capacity_ = capacity;
  }

  // Room for more of the word. Of one that is too long to be anything but unknown the ends will do.
  void MakeRoom() {
    ThrowIfStopped(stop_);
    if (static_cast<int64_t>(characters_) <= model_.max_input_chars_per_word()) {
      Grow(capacity_ * 2);
      return;
    }
    if (kOffsets) scratch_->origins[1] = scratch_->origins[size_ - 1];
    size_ = 2;
  }

  // The limit is reached: is there a word behind it?
  Status LookForMore(const char* p, const char* end) {
    for (size_t step = 0; !more_ && size_ == 0; ++step) {
      ThrowIfStopped(stop_, step);
      if (p == end) return Status::kDone;
      switch (path_.class_[static_cast<unsigned char>(*p)]) {
        case kAsciiWord:
        case kAsciiPunctuation:
          return Status::kMore;
        case kAsciiSpace:
        case kAsciiDropped:
          ++p;
          break;
        default:
          if (!ReadCharacter(&p)) return Status::kRefused;
      }
    }
    return Status::kMore;
  }

  const char* ReadAsciiWord(const char* p, const char* end) {
    while (true) {
      const char* const stop =
          p + std::min<size_t>(static_cast<size_t>(end - p), capacity_ - size_);
      const char* const first = p;
      char* out = word_ + size_;
      while (p < stop && path_.class_[static_cast<unsigned char>(*p)] == kAsciiWord) {
        *out++ = path_.mapped_[static_cast<unsigned char>(*p++)];
      }
      const auto read = static_cast<size_t>(p - first);
      if (kOffsets) {
        for (size_t i = 0; i < read; ++i) {
          scratch_->origins[size_ + i] = character_ + static_cast<uint32_t>(i);
        }
      }
      size_ += read;
      characters_ += read;
      character_ += static_cast<uint32_t>(read);
      if (p < stop || p == end) return p;
      MakeRoom();
    }
  }

  // A character that is not ASCII; false where its order among others would matter.
  bool ReadCharacter(const char** p) {
    const char32_t c = DecodeUtf8(*p);
    const uint8_t flags = CodePointFlags(c);
    if (path_.options_.clean_text && (flags & kControl)) return true;
    if (flags & kWhitespace) {
      FinishWord();
      return true;
    }
    const bool chinese = path_.options_.handle_chinese_chars && (flags & kChinese);
    if (chinese) FinishWord();
    if (!ReadDecomposed(c)) return false;
    if (chinese) FinishWord();
    return true;
  }

  bool ReadDecomposed(char32_t c) {
    if (!path_.strips_accents_) {
      ReadLowered(c);
      return true;
    }
    const Mapped decomposed = DecomposeCanonical(c);
    if (decomposed.is_identity()) return ReadStripped(c);
    for (const uint32_t d : decomposed.characters()) {
      if (!ReadStripped(d)) return false;
    }
    return true;
  }

  bool ReadStripped(char32_t c) {
    if (HasFlag(c, kNonspacing)) return true;
    if (CombiningClass(c) != 0) return false;
    ReadLowered(c);
    return true;
  }

  void ReadLowered(char32_t c) {
    if (!path_.options_.lowercase) return PutCharacter(c);
    const Mapped lowered = ToLower(c);
    if (lowered.is_identity()) return PutCharacter(c);
    for (const uint32_t l : lowered.characters()) PutCharacter(l);
  }

  // A normalised character.
  void PutCharacter(char32_t c) {
    const uint8_t flags = CodePointFlags(c);
    if (flags & (kWhitespace | kPunctuation)) {
      FinishWord();
      if (flags & kWhitespace) return;
    }
    if (capacity_ - size_ < 4) MakeRoom();
    const size_t length = EncodeUtf8(c, word_ + size_);
    if (kOffsets)
      std::fill_n(scratch_->origins.begin() + static_cast<ptrdiff_t>(size_), length, character_);
    size_ += length;
    ++characters_;
    if (flags & kPunctuation) FinishWord();
  }

  void Put(char c) {
    if (kOffsets) scratch_->origins[0] = character_;
    word_[0] = c;
    size_ = characters_ = 1;
  }

  // The word read so far becomes tokens.
  void FinishWord() {
    if (size_ == 0) return;
    if (full_) {
      more_ = true;
      size_ = characters_ = 0;
      return;
    }
    const size_t before = ids_->size();
    bool known = false;
    if (static_cast<int64_t>(characters_) <= model_.max_input_chars_per_word()) {
      known = model_.Cut(word_, size_,
                         [&](int32_t id, size_t begin, size_t end) { Emit(id, begin, end); });
    }
    if (!known) {
      ids_->resize(before);
      if (kOffsets) offsets_->resize(before);
      Emit(model_.unk_id(), 0, size_);
    }
    size_ = characters_ = 0;
    full_ = ids_->size() >= limit_;
  }

  void Emit(int32_t id, size_t begin, size_t end) {
    ids_->push_back(id);
    if (kOffsets) offsets_->push_back({scratch_->origins[begin], scratch_->origins[end - 1] + 1});
  }

  const BertFastPath& path_;
  const WordPiece& model_;
  const Input& input_;
  const size_t limit_;
  const std::stop_token* const stop_;
  std::vector<int32_t>* const ids_;
  std::vector<Offset>* const offsets_;
  uint32_t character_;
  Scratch* const scratch_;
  char* word_ = nullptr;
  size_t capacity_ = 0;
  size_t size_ = 0;        // bytes of the word
  size_t characters_ = 0;  // of the word
  bool full_;              // the limit is reached; words that follow are dropped
  bool more_ = false;      // one was
};

BertFastPath::Status BertFastPath::Tokenize(const Input& input, size_t limit,
                                            const std::stop_token* stop, std::vector<int32_t>* ids,
                                            std::vector<Offset>* offsets, Scratch* scratch) const {
  if (offsets == nullptr)
    return Run<false>(*this, input, limit, stop, ids, nullptr, scratch).Read();
  return Run<true>(*this, input, limit, stop, ids, offsets, scratch).Read();
}

}  // namespace bge::tokenizer
