// Replace: every match of a string or a regular expression by a string.
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/pattern.h"

namespace bge::tokenizer {
namespace {

class Replace final : public Normalizer {
 public:
  Replace(Pattern pattern, std::string_view content)
      : pattern_(std::move(pattern)), content_(content) {}

  void Normalize(NormalizedString* text) const override {
    text->ReplaceMatches(content_, [&](auto&& replace) {
      pattern_.ForEachMatch(text->text(), text->stop(),
                            [&](const ByteRange& match) { replace(match.begin, match.end); });
    });
  }

 private:
  Pattern pattern_;
  std::string content_;
};

}  // namespace

std::unique_ptr<const Normalizer> MakeReplace(std::string_view pattern, std::string_view content) {
  return std::make_unique<Replace>(Pattern(std::string(pattern)), content);
}

std::unique_ptr<const Normalizer> MakeReplace(const json::Value& json) {
  return std::make_unique<Replace>(Pattern(json.At("pattern")), json.At("content").AsString());
}

}  // namespace bge::tokenizer
