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

/// Immutable and thread-safe.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual std::string Decode(const std::vector<std::string_view>& tokens) const = 0;
};

/// By the "type" of `json`: the registry of this stage. Errors as NormalizerFromJson.
std::unique_ptr<const Decoder> DecoderFromJson(const json::Value& json);

/// What a tokenizer without a decoder does: the tokens with a space between them.
std::unique_ptr<const Decoder> MakeNoDecoder();

// What the rows of the registry make; each in the file of its name.
std::unique_ptr<const Decoder> MakeMetaspaceDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeMetaspaceDecoder(const MetaspaceOptions& options);
std::unique_ptr<const Decoder> MakeWordPieceDecoder(const json::Value& json);
std::unique_ptr<const Decoder> MakeWordPieceDecoder(std::string_view prefix, bool cleanup);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_DECODER_DECODER_H_
