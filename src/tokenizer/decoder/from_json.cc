// The registry of decoders.
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/stage_registry.h"

namespace bge::tokenizer {
namespace {

using Make = std::unique_ptr<const Decoder> (*)(const json::Value&);

constexpr StageRow<Make> kDecoders[] = {
    {"Metaspace", &MakeMetaspaceDecoder},
    {"WordPiece", &MakeWordPieceDecoder},
};

class NoDecoder final : public Decoder {
 public:
  std::string Decode(const std::vector<std::string_view>& tokens) const override {
    std::string text;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) text += ' ';
      text += tokens[i];
    }
    return text;
  }
};

}  // namespace

std::unique_ptr<const Decoder> DecoderFromJson(const json::Value& json) {
  return FindStage<Make>(kDecoders, "decoder", json).make(json);
}

std::unique_ptr<const Decoder> MakeNoDecoder() { return std::make_unique<NoDecoder>(); }

}  // namespace bge::tokenizer
