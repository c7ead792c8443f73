// BertPreTokenizer: white space is removed, punctuation stands alone.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/unicode.h"

namespace bge::tokenizer {
namespace {

class BertPreTokenizer final : public PreTokenizer {
 public:
  void PreTokenize(PretokenizedString* text) const override {
    text->Split(SplitBehavior::kRemoved, [](auto piece, auto* ranges) {
      MatchCharacters(
          piece, [](char32_t c) { return HasFlag(c, kWhitespace); }, ranges);
    });
    text->Split(SplitBehavior::kIsolated, [](auto piece, auto* ranges) {
      MatchCharacters(
          piece, [](char32_t c) { return HasFlag(c, kPunctuation); }, ranges);
    });
  }
  bool IsBert() const override { return true; }
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeBertPreTokenizer() {
  return std::make_unique<BertPreTokenizer>();
}

}  // namespace bge::tokenizer
