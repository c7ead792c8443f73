// Precompiled, Metaspace and Unigram in one pass, without a normalised copy of the text.
//
// The stages in normalizer/precompiled, normalizer/replace, pre_tokenizer/whitespace_split,
// pre_tokenizer/metaspace and model/unigram are its specification; tests compare the two on random
// text.
#ifndef BGE_TOKENIZER_UNIGRAM_FAST_PATH_H_
#define BGE_TOKENIZER_UNIGRAM_FAST_PATH_H_

#include "bge/tokenizer.h"

#include "tokenizer/fast_path.h"
#include "tokenizer/model/unigram.h"
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"

#include <array>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// Immutable and thread-safe; keeps pointers to the stages.
class UnigramFastPath {
 public:
  /// What it can do: words that are cut, and added tokens that are looked for in normalised text
  /// and begin with one of `token_starts` (bytes that are no letters, digits or white space).
  static bool Supports(const SentencePieceNormalization& normalization,
                       const SentencePieceWords& words, std::string_view token_starts);

  UnigramFastPath(const SentencePieceNormalization& normalization, const SentencePieceWords& words,
                  std::string_view token_starts, const Unigram& model);

  /// A word and its tokens.
  struct CachedWord {
    static constexpr size_t kMostBytes = 32;
    static constexpr size_t kMostTokens = 5;
    uint32_t owner = 0;  // number_ of the path whose word it is; 0: none
    uint8_t size = 0;    // bytes
    uint8_t tokens = 0;
    std::array<uint64_t, kMostBytes / 8> key{};  // the bytes, with zeros behind them
    std::array<int32_t, kMostTokens> ids{};
    std::array<uint8_t, kMostTokens> ends{};  // of each token in the word
  };

  /// Buffers of one thread, reused from text to text and by any number of tokenizers.
  struct Scratch {
    std::vector<char> word;         // the word being read, normalised
    std::vector<uint32_t> origins;  // original character of each of its bytes
    Unigram::Lattice lattice;
    std::vector<CachedWord> cache;  // words by hash; a newer one takes the place
    struct Pending {
      char32_t character;
      uint32_t origin;
    };
    std::vector<Pending> pending;  // white space of which the next character decides
  };

  using Input = FastPathInput;
  using Status = FastPathStatus;

  /// Appends the tokens of `input` to `ids`, and what they cover to `offsets` where that is not
  /// null. Tokenises nothing behind the word with which `ids` reaches `limit` tokens, and reads no
  /// further than it takes to know whether there is anything. Error(kCancelled) when `stop`, which
  /// may be null, asks; Error(kCorruptData) as Unigram.
  Status Tokenize(const Input& input, size_t limit, const std::stop_token* stop,
                  std::vector<int32_t>* ids, std::vector<Offset>* offsets, Scratch* scratch) const;

 private:
  template <bool kOffsets>
  class Run;

  // What an ASCII character is when another, or nothing, follows it.
  enum class AsciiClass : uint8_t {
    kWord,   // itself, a part of a word
    kSpace,  // a space
    kOther,  // has to be looked at
  };

  // Of a character: GraphemeProperties() in the low six bits, and these.
  static constexpr uint8_t kMapped = 0x40;
  static constexpr uint8_t kIsSpace = 0x80;
  uint8_t InfoOf(char32_t c) const { return c < info_.size() ? info_[c] : ComputeInfo(c); }
  uint8_t ComputeInfo(char32_t c) const;
  std::optional<std::string_view> Map(std::string_view cluster) const;

  SentencePieceNormalization normalization_;
  std::string space_runs_;  // what two or more spaces become
  SentencePieceWords words_;
  std::string replacement_;
  const Unigram* model_;
  uint32_t number_;  // of this path among all
  std::array<AsciiClass, 256> ascii_{};
  std::array<bool, 256> token_starts_{};
  std::vector<uint8_t> info_;  // by code point, of the basic plane
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_UNIGRAM_FAST_PATH_H_
