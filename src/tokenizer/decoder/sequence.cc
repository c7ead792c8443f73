// Sequence: decoders one after the other.
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/stage_registry.h"

namespace bge::tokenizer {
namespace {

class DecoderSequence final : public Decoder {
 public:
  explicit DecoderSequence(std::vector<std::unique_ptr<const Decoder>> decoders)
      : decoders_(std::move(decoders)) {}

  void Apply(DecodedTexts* texts) const override {
    for (const auto& decoder : decoders_) decoder->Apply(texts);
  }

 private:
  std::vector<std::unique_ptr<const Decoder>> decoders_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeDecoderSequence(
    std::vector<std::unique_ptr<const Decoder>> decoders) {
  return std::make_unique<DecoderSequence>(std::move(decoders));
}

std::unique_ptr<const Decoder> MakeDecoderSequence(const json::Value& json) {
  std::vector<std::unique_ptr<const Decoder>> decoders;
  for (const json::Value& member : StagesOfSequence(json, "decoders")) {
    decoders.push_back(DecoderFromJson(member));
  }
  return MakeDecoderSequence(std::move(decoders));
}

}  // namespace bge::tokenizer
