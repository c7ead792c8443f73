// Tokens back to text. One class for each JSON type, in its own file.
#ifndef BGE_TOKENIZER_DECODER_DECODER_H_
#define BGE_TOKENIZER_DECODER_DECODER_H_

#include "base/json.h"
#include "tokenizer/metaspace.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// Texts that become one when they are joined: at first one for each token.
class DecodedTexts {
 public:
  explicit DecodedTexts(std::vector<std::string> texts);

  std::vector<std::string>& texts() { return texts_; }
  /// Error(kUnsupported) where `bytes` are more than 64 times what the texts had at first, and 1
  /// MiB: Replace after Replace could double them each time.
  void CheckGrowth(size_t bytes) const;

 private:
  std::vector<std::string> texts_;
  size_t first_bytes_ = 0;
};

/// Immutable and thread-safe.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Changes the list of texts.
  virtual void Apply(DecodedTexts* texts) const = 0;

  /// The text of tokens.
  std::string Decode(std::vector<std::string> tokens) const;
};

/// By the "type" of `json`: the registry of this stage. Errors as NormalizerFromJson.
std::unique_ptr<const Decoder> DecoderFromJson(const json::Value& json);

/// What a tokenizer without a decoder does: the tokens with a space between them.
std::unique_ptr<const Decoder> MakeNoDecoder();

// What the rows of the registry make; each in the file of its name.
std::unique_ptr<const Decoder> MakeBpeDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeByteFallbackDecoder();
std::unique_ptr<const Decoder> MakeByteLevelDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeCtcDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeDecoderSequence(const json::Value& json);
std::unique_ptr<const Decoder> MakeDecoderSequence(
    std::vector<std::unique_ptr<const Decoder>> decoders);
std::unique_ptr<const Decoder> MakeFuseDecoder();
std::unique_ptr<const Decoder> MakeReplaceDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeReplaceDecoder(std::string_view pattern,
                                                  std::string_view content);
std::unique_ptr<const Decoder> MakeStripDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeStripDecoder(char32_t content, size_t start, size_t stop);
std::unique_ptr<const Decoder> MakeMetaspaceDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeMetaspaceDecoder(const MetaspaceOptions& options);
std::unique_ptr<const Decoder> MakeWordPieceDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeWordPieceDecoder(std::string_view prefix, bool cleanup);

// Steps of several of these.

/// As Rust's str::replace: an empty `from` matches in front of every character and at the end.
void ReplaceAll(std::string_view from, std::string_view to, std::string* text);
/// Takes spaces away in front of punctuation and of English endings.
void CleanUpEnglish(std::string* text);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_DECODER_DECODER_H_
