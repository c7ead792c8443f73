// Digits: numbers apart from the rest, whole or digit by digit.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/unicode.h"

namespace bge::tokenizer {
namespace {

class Digits final : public PreTokenizer {
 public:
  explicit Digits(bool individual_digits)
      : behavior_(individual_digits ? SplitBehavior::kIsolated : SplitBehavior::kContiguous) {}

  void PreTokenize(PretokenizedString* text) const override {
    text->Split(behavior_, [](auto piece, auto* ranges) {
      MatchCharacters(
          piece, [](char32_t c) { return HasFlag(c, kNumeric); }, ranges);
    });
  }

 private:
  SplitBehavior behavior_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeDigits(const json::Value& json) {
  return std::make_unique<Digits>(json.At("individual_digits").AsBool());
}

}  // namespace bge::tokenizer
