// Texts to tokens: a run of a call's texts, block by block on any thread.
#ifndef BGE_ENGINE_TOKENIZED_TEXTS_H_
#define BGE_ENGINE_TOKENIZED_TEXTS_H_

#include "bge/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// How the texts of a call become tokens. Its functions are called from several threads at once.
struct TextTokenizer {
  const Tokenizer& tokenizer;
  std::string_view prompt;  ///< in front of every text
  int64_t max_length;
  std::stop_token stop = {};  ///< ends even the inside of one huge text, with Error(kCancelled)
  std::function<uint64_t(std::span<const std::byte>)> hash;  ///< of the bytes of a text's ids
  /// Where set, what makes the tokens of the text of this number, instead of tokenizer, prompt and
  /// max_length: pairs of texts.
  std::function<void(int64_t text, Encoding* encoding)> encode = {};
  /// Where set, texts with fewer tokens are filled up with this one, of type 0: late interaction's
  /// expansion of queries.
  struct Filling {
    int32_t token;
    int64_t length;
  };
  std::optional<Filling> filling = {};
  bool add_special_tokens = true;
  bool typed = true;  ///< false: the model is given no types, all are 0
  /// Throws where the ids are not what the encoder takes.
  std::function<void(std::span<const int32_t> ids)> check = [](std::span<const int32_t>) {};

  TokenizeOptions Options(bool want_offsets) const {
    return {.add_special_tokens = add_special_tokens,
            .max_length = max_length,
            .want_offsets = want_offsets,
            .stop = stop};
  }
};

/// The tokens of a text, number `number` of its call, into an Encoding that is reused; returns how
/// many are the text's own and do not fill it up. `options` are tokenizer.Options'; with offsets,
/// these are of the prompt and the text together. `scratch` is memory that is reused.
int64_t EncodeText(const TextTokenizer& tokenizer, const TokenizeOptions& options, int64_t number,
                   std::string_view text, std::string* scratch, Encoding* encoding);

/// The tokens of the texts [begin, end) of a call, known by their numbers in the call. They are
/// there once TokenizeBlock was called for every block, and do not change any more.
class TokenizedTexts {
 public:
  TokenizedTexts() = default;
  /// `texts`: all of the call; they must stay until the last block is tokenised.
  TokenizedTexts(std::span<const std::string_view> texts, int64_t begin, int64_t end);

  int64_t num_blocks() const { return static_cast<int64_t>(blocks_.size()); }
  /// Different blocks may be tokenised at once.
  void TokenizeBlock(const TextTokenizer& tokenizer, int64_t block);

  struct Tokens {
    std::span<const int32_t> ids;
    std::span<const int32_t> type_ids;
    int64_t own;  ///< so many, the first ones, are the text's; the others fill up
  };
  int64_t begin() const { return begin_; }
  int64_t end() const { return begin_ + static_cast<int64_t>(entries_.size()); }
  Tokens operator[](int64_t text) const;
  int64_t length(int64_t text) const { return entry(text).length; }
  /// Of the ids, and of the type ids where one is not 0.
  uint64_t hash(int64_t text) const { return entry(text).hash; }
  int64_t total_tokens() const;
  int64_t truncated_texts() const;

 private:
  struct Entry {
    uint64_t hash = 0;
    uint32_t block = 0;
    uint32_t offset = 0;  // into the block
    int32_t length = 0;
    int32_t own_length = 0;
  };
  struct Block {
    int64_t begin = 0;  // its texts
    int64_t end = 0;
    int64_t truncated = 0;
    std::vector<int32_t> ids;
    std::vector<int32_t> type_ids;
  };
  const Entry& entry(int64_t text) const { return entries_[static_cast<size_t>(text - begin_)]; }

  std::span<const std::string_view> texts_;
  int64_t begin_ = 0;
  std::vector<Entry> entries_;
  std::vector<Block> blocks_;
};

}  // namespace bge

#endif  // BGE_ENGINE_TOKENIZED_TEXTS_H_
