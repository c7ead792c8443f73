// CharDelimiterSplit: what lies between one character.
#include "tokenizer/metaspace.h"
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"

namespace bge::tokenizer {
namespace {

class CharDelimiterSplit final : public PreTokenizer {
 public:
  explicit CharDelimiterSplit(char32_t delimiter) : delimiter_(delimiter) {}

  void PreTokenize(PretokenizedString* text) const override {
    text->Split(SplitBehavior::kRemoved, [&](auto piece, auto* ranges) {
      MatchCharacters(
          piece, [&](char32_t c) { return c == delimiter_; }, ranges);
    });
  }

 private:
  char32_t delimiter_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeCharDelimiterSplit(const json::Value& json) {
  return std::make_unique<CharDelimiterSplit>(CharacterFromJson(json.At("delimiter")));
}

}  // namespace bge::tokenizer
