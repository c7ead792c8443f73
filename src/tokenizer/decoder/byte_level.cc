// ByteLevel: the bytes that the characters stand for. All tokens become one text, because one alone
// can end in the middle of a character.
#include "tokenizer/byte_level.h"

#include "tokenizer/decoder/decoder.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {
namespace {

// A token with a character that stands for no byte is left as it is.
void AppendBytes(const std::string& token, std::string* bytes) {
  const size_t begin = bytes->size();
  const char* p = token.data();
  const char* const end = p + token.size();
  while (p < end) {
    const int byte = ByteLevelByte(DecodeUtf8(p));
    if (byte < 0) {
      bytes->resize(begin);
      bytes->append(token);
      return;
    }
    bytes->push_back(static_cast<char>(byte));
  }
}

class ByteLevelDecoder final : public Decoder {
 public:
  void Apply(DecodedTexts* texts) const override {
    std::string bytes;
    for (const std::string& text : texts->texts()) AppendBytes(text, &bytes);
    texts->texts().resize(1);
    if (ValidUtf8Prefix(bytes) == bytes.size()) {
      texts->texts()[0] = std::move(bytes);
    } else {
      ReplaceInvalidUtf8(bytes, &texts->texts()[0]);
    }
  }
};

}  // namespace

std::unique_ptr<const Decoder> MakeByteLevelDecoder(const json::Value& json) {
  // The fields are those of the pre-tokenizer; none of them matters here.
  for (const char* field : {"add_prefix_space", "trim_offsets"}) json.At(field).AsBool();
  return std::make_unique<ByteLevelDecoder>();
}

}  // namespace bge::tokenizer
