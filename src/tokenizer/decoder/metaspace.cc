// Metaspace decoder: the character that can be seen becomes a space again, but for those of the
// first token.
#include "tokenizer/metaspace.h"

#include "tokenizer/decoder/decoder.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {
namespace {

class MetaspaceDecoder final : public Decoder {
 public:
  explicit MetaspaceDecoder(const MetaspaceOptions& options)
      : keeps_first_(options.prepend_scheme == PrependScheme::kNever) {
    AppendUtf8(options.replacement, &replacement_);
  }

  void Apply(DecodedTexts* texts) const override {
    bool is_first = true;
    for (std::string& text : texts->texts()) {
      ReplaceAll(replacement_, is_first && !keeps_first_ ? "" : " ", &text);
      is_first = false;
    }
  }

 private:
  std::string replacement_;
  bool keeps_first_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeMetaspaceDecoder(const MetaspaceOptions& options) {
  return std::make_unique<MetaspaceDecoder>(options);
}

std::unique_ptr<const Decoder> MakeMetaspaceDecoder(const json::Value& json) {
  return MakeMetaspaceDecoder(MetaspaceFromJson(json));
}

}  // namespace bge::tokenizer
