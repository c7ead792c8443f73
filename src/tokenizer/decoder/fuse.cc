// Fuse: all texts become one.
#include "tokenizer/decoder/decoder.h"

namespace bge::tokenizer {
namespace {

class FuseDecoder final : public Decoder {
 public:
  void Apply(DecodedTexts* texts) const override {
    std::string all;
    for (const std::string& text : texts->texts()) all += text;
    texts->texts().assign(1, std::move(all));
  }
};

}  // namespace

std::unique_ptr<const Decoder> MakeFuseDecoder() { return std::make_unique<FuseDecoder>(); }

}  // namespace bge::tokenizer
