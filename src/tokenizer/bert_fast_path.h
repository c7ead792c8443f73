// BertNormalizer, BertPreTokenizer and WordPiece in one pass, without a normalised copy of the
// text.
//
// The stages in pretokenized_string, normalizer/bert, pre_tokenizer/bert and model/wordpiece are
// its specification; tests compare the two on random text. It works because BERT's normalisation
// changes every character by itself, but for one thing: NFD reorders combining marks. Marks that
// are removed afterwards may lie in any order; a text with others (a few hundred rare ones) is
// refused.
#ifndef BGE_TOKENIZER_BERT_FAST_PATH_H_
#define BGE_TOKENIZER_BERT_FAST_PATH_H_

#include "bge/tokenizer.h"

#include "tokenizer/fast_path.h"
#include "tokenizer/model/wordpiece.h"
#include "tokenizer/normalizer/normalizer.h"

#include <array>
#include <cstdint>
#include <stop_token>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// Immutable and thread-safe; keeps a pointer to the WordPiece.
class BertFastPath {
 public:
  BertFastPath(const BertNormalizerOptions& options, const WordPiece& model);

  /// Buffers of one thread, reused from text to text.
  struct Scratch {
    std::vector<char> word;         // the word being read, normalised
    std::vector<uint32_t> origins;  // original character of each of its bytes
  };

  using Input = FastPathInput;
  using Status = FastPathStatus;

  /// Appends the tokens of `input` to `ids`, and what they cover to `offsets` where that is not
  /// null. Tokenises nothing behind the word with which `ids` reaches `limit` tokens, and reads no
  /// further than it takes to know whether there is anything. Error(kCancelled) when `stop`, which
  /// may be null, asks.
  Status Tokenize(const Input& input, size_t limit, const std::stop_token* stop,
                  std::vector<int32_t>* ids, std::vector<Offset>* offsets, Scratch* scratch) const;

 private:
  template <bool kOffsets>
  class Run;

  enum AsciiClass : uint8_t {
    kAsciiWord,
    kAsciiSpace,
    kAsciiPunctuation,
    kAsciiDropped,
    kNotAscii
  };

  BertNormalizerOptions options_;
  bool strips_accents_;
  const WordPiece* model_;
  std::array<uint8_t, 256> class_{};
  std::array<char, 128> mapped_{};  // what an ASCII character becomes
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_BERT_FAST_PATH_H_
