// CTC: repeated tokens once, no padding, a space for the token between words.
#include "tokenizer/decoder/decoder.h"

#include <algorithm>

namespace bge::tokenizer {
namespace {

class CtcDecoder final : public Decoder {
 public:
  CtcDecoder(std::string_view pad, std::string_view delimiter, bool cleanup)
      : pad_(pad), delimiter_(delimiter), cleanup_(cleanup) {}

  void Apply(DecodedTexts* decoded) const override {
    std::vector<std::string>& texts = decoded->texts();
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    size_t bytes = 0;
    for (std::string& text : texts) {
      ReplaceAll(pad_, "", &text);
      if (cleanup_) {
        CleanUpEnglish(&text);
        ReplaceAll(delimiter_, " ", &text);
      }
      decoded->CheckGrowth(bytes += text.size());
    }
    std::erase_if(texts, [](const std::string& text) { return text.empty(); });
  }

 private:
  std::string pad_, delimiter_;
  bool cleanup_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeCtcDecoder(const json::Value& json) {
  return std::make_unique<CtcDecoder>(json.At("pad_token").AsString(),
                                      json.At("word_delimiter_token").AsString(),
                                      json.At("cleanup").AsBool());
}

}  // namespace bge::tokenizer
