// StripAccents: removes every combining mark (not only the nonspacing ones that BertNormalizer
// removes), and decomposes nothing.
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/unicode.h"

namespace bge::tokenizer {
namespace {

class StripAccents final : public Normalizer {
 public:
  void Normalize(NormalizedString* text) const override {
    text->Filter([](char32_t c) { return !HasFlag(c, kCombining); });
  }
};

}  // namespace

std::unique_ptr<const Normalizer> MakeStripAccents() { return std::make_unique<StripAccents>(); }

}  // namespace bge::tokenizer
