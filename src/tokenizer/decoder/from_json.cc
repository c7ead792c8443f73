// The registry of decoders.
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/stage_registry.h"

namespace bge::tokenizer {
namespace {

using Make = std::unique_ptr<const Decoder> (*)(const json::Value&);

template <std::unique_ptr<const Decoder> (*make)()>
std::unique_ptr<const Decoder> WithoutFields(const json::Value&) {
  return make();
}

constexpr StageRow<Make> kDecoders[] = {
    {"BPEDecoder", &MakeBpeDecoder},
    {"ByteFallback", &WithoutFields<&MakeByteFallbackDecoder>},
    {"ByteLevel", &MakeByteLevelDecoder},
    {"CTC", &MakeCtcDecoder},
    {"Fuse", &WithoutFields<&MakeFuseDecoder>},
    {"Metaspace", &MakeMetaspaceDecoder},
    {"Replace", &MakeReplaceDecoder},
    {"Sequence", &MakeDecoderSequence},
    {"Strip", &MakeStripDecoder},
    {"WordPiece", &MakeWordPieceDecoder},
};

class NoDecoder final : public Decoder {
 public:
  void Apply(DecodedTexts* texts) const override {
    bool first = true;
    for (std::string& text : texts->texts()) {
      if (!first) text.insert(text.begin(), ' ');
      first = false;
    }
  }
};

}  // namespace

std::unique_ptr<const Decoder> DecoderFromJson(const json::Value& json) {
  return FindStage<Make>(kDecoders, "decoder", json).make(json);
}

std::unique_ptr<const Decoder> MakeNoDecoder() { return std::make_unique<NoDecoder>(); }

}  // namespace bge::tokenizer
