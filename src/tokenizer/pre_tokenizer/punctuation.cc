// Punctuation: cuts at punctuation, in any of the five ways.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/unicode.h"

namespace bge::tokenizer {
namespace {

class Punctuation final : public PreTokenizer {
 public:
  explicit Punctuation(SplitBehavior behavior) : behavior_(behavior) {}

  void PreTokenize(PretokenizedString* text) const override {
    text->Split(behavior_, [](auto piece, auto* ranges) {
      MatchCharacters(
          piece, [](char32_t c) { return HasFlag(c, kPunctuation); }, ranges);
    });
  }

 private:
  SplitBehavior behavior_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakePunctuation(const json::Value& json) {
  const auto behavior = json.Find("behavior");
  return std::make_unique<Punctuation>(behavior ? SplitBehaviorFromJson(*behavior)
                                                : SplitBehavior::kIsolated);
}

}  // namespace bge::tokenizer
