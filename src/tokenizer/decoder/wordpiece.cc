// WordPiece decoder: joins continuing pieces, puts spaces between words, tidies English
// punctuation.
#include "tokenizer/decoder/decoder.h"

namespace bge::tokenizer {
namespace {

class WordPieceDecoder final : public Decoder {
 public:
  WordPieceDecoder(std::string_view prefix, bool cleanup) : prefix_(prefix), cleanup_(cleanup) {}

  void Apply(DecodedTexts* texts) const override {
    bool first = true;
    for (std::string& text : texts->texts()) {
      if (!first) {
        if (text.starts_with(prefix_)) {
          text.erase(0, prefix_.size());
        } else {
          text.insert(text.begin(), ' ');
        }
      }
      first = false;
      if (cleanup_) CleanUpEnglish(&text);
    }
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeWordPieceDecoder(std::string_view prefix, bool cleanup) {
  return std::make_unique<WordPieceDecoder>(prefix, cleanup);
}

std::unique_ptr<const Decoder> MakeWordPieceDecoder(const json::Value& json) {
  return MakeWordPieceDecoder(json.At("prefix").AsString(), json.At("cleanup").AsBool());
}

}  // namespace bge::tokenizer
