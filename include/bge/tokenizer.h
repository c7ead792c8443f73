// Text to token ids and back, exactly as Hugging Face `tokenizers` does it.
#ifndef BGE_TOKENIZER_H_
#define BGE_TOKENIZER_H_

#include "bge/export.h"
#include "bge/types.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// Which text of a pair loses tokens when the pair is too long.
enum class TruncationStrategy { kLongestFirst, kOnlyFirst, kOnlySecond };

/// Half-open range [begin, end) of Unicode characters (code points) of the original text. Bytes
/// that are not UTF-8 count as the U+FFFD characters that replace them.
struct Offset {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const Offset&) const = default;
};

struct TokenizeOptions {
  bool add_special_tokens = true;
  /// Most tokens returned, special tokens included; nullopt: no limit (not even the one that
  /// tokenizer.json states). Tokens go from the end, or from the start where truncation_side of
  /// tokenizer_config.json is "left" or, without it, tokenizer.json's truncation.direction "Left".
  /// With the stages of BERT or XLM-R and a limit, no more of a single text is read than it takes
  /// to know the tokens kept, unless they are the last ones.
  std::optional<int64_t> max_length = {};
  TruncationStrategy strategy = TruncationStrategy::kLongestFirst;
  /// Offsets and the special-token mask cost time; leave them out where they are not needed.
  bool want_offsets = false;
  /// A request to stop ends the call with Error(kCancelled), within about a tenth of a second for
  /// texts of up to 64 MB.
  std::stop_token stop = {};
};

/// The tokens of one text or pair. All vectors that are present have the same length.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;
  std::vector<Offset> offsets;  ///< empty unless want_offsets; specials are (0, 0)
  std::vector<uint8_t>
      special_tokens_mask;  ///< empty unless want_offsets; 1 = added by the template
  bool truncated = false;   ///< tokens were cut off by max_length
};

/// A tokenizer loaded from tokenizer.json, or from vocab.txt or a SentencePiece file with
/// tokenizer_config.json.
/// Immutable and thread-safe.
class BGE_API Tokenizer {
 public:
  /// `path`: a tokenizer.json or SentencePiece (.model) file, or a model directory: its
  /// tokenizer.json, else its vocab.txt, else its SentencePiece file.
  /// Where transformers would load the directory as a BertTokenizer, tokenizer_config.json decides
  /// over lower-casing, accents and the tokens around a text, as it does there; of a
  /// SentencePiece file alone, its class (XLM-R, T5, Albert, Llama, Gemma ...) decides over all but
  /// the pieces. Throws Error
  /// (kNotFound, kCorruptData, kUnsupported) naming file and field. A directory is read as
  /// transformers' AutoTokenizer reads it; where its files contradict each other, on_warning is
  /// told.
  static Tokenizer Load(const std::filesystem::path& path, const WarningSink& on_warning = {});

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// Any bytes are accepted (up to 4 GiB): what is not UTF-8 is read as U+FFFD, as Rust's
  /// from_utf8_lossy does. Throws kInvalidArgument where max_length cannot hold the special tokens
  /// or the text that the strategy may shorten has too few tokens; kCorruptData where a word is
  /// unknown and the vocabulary lacks the unknown token.
  Encoding Encode(std::string_view text, const TokenizeOptions& options = {}) const;
  Encoding EncodePair(std::string_view a, std::string_view b,
                      const TokenizeOptions& options = {}) const;

  /// As Encode, but into an Encoding that is reused: no allocation once its vectors have grown.
  void EncodeInto(std::string_view text, const TokenizeOptions& options, Encoding* encoding) const;

  /// Text of the ids, as the tokenizer's decoder writes it (without a decoder: the tokens with
  /// spaces between them). Unknown ids are skipped.
  std::string Decode(const std::vector<int32_t>& ids, bool skip_special_tokens = true) const;

  std::optional<int32_t> TokenToId(std::string_view token) const;
  /// The view lives as long as the tokenizer.
  std::optional<std::string_view> IdToToken(int32_t id) const;

  /// Number of ids, added tokens included.
  int64_t vocab_size() const;
  /// The special tokens that a single text, or a pair, gains.
  int64_t num_special_tokens(bool pair = false) const;
  bool is_special(int32_t id) const;

  class BGE_LOCAL Impl;
  /// For the library's own use.
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<const Impl> impl_;
};

}  // namespace bge

#endif  // BGE_TOKENIZER_H_
