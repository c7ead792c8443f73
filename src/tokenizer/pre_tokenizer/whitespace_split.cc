// WhitespaceSplit: what lies between white space.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/unicode.h"

namespace bge::tokenizer {
namespace {

class WhitespaceSplit final : public PreTokenizer {
 public:
  void PreTokenize(PretokenizedString* text) const override {
    text->Split(SplitBehavior::kRemoved, [](auto piece, auto* ranges) {
      MatchCharacters(
          piece, [](char32_t c) { return HasFlag(c, kWhitespace); }, ranges);
    });
  }
  bool IsWhitespaceSplit() const override { return true; }
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeWhitespaceSplit() {
  return std::make_unique<WhitespaceSplit>();
}

}  // namespace bge::tokenizer
