// BPEDecoder: a space for the suffix of each word, but for the last token's.
#include "tokenizer/decoder/decoder.h"

namespace bge::tokenizer {
namespace {

class BpeDecoder final : public Decoder {
 public:
  explicit BpeDecoder(std::string_view suffix) : suffix_(suffix) {}

  void Apply(DecodedTexts* texts) const override {
    size_t left = texts->texts().size();
    size_t bytes = 0;
    for (std::string& text : texts->texts()) {
      ReplaceAll(suffix_, --left == 0 ? "" : " ", &text);
      texts->CheckGrowth(bytes += text.size());
    }
  }

 private:
  std::string suffix_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeBpeDecoder(const json::Value& json) {
  return std::make_unique<BpeDecoder>(json.At("suffix").AsString());
}

}  // namespace bge::tokenizer
