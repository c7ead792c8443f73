// ByteLevel: a visible character for each byte of the text.
#include "tokenizer/byte_level.h"

#include "tokenizer/normalizer/normalizer.h"

namespace bge::tokenizer {
namespace {

class ByteLevelNormalizer final : public Normalizer {
 public:
  void Normalize(NormalizedString* text) const override {
    std::vector<CharacterChange> changes;
    changes.reserve(text->text().size());
    for (const char c : text->text()) {
      ThrowIfStopped(text->stop(), changes.size());
      // The first byte of a character takes its place, the others are new.
      changes.push_back(
          {ByteLevelCharacter(static_cast<uint8_t>(c)), IsUtf8Continuation(c) ? 1 : 0});
    }
    text->Transform(changes, 0);
  }
};

}  // namespace

std::unique_ptr<const Normalizer> MakeByteLevelNormalizer() {
  return std::make_unique<ByteLevelNormalizer>();
}

}  // namespace bge::tokenizer
