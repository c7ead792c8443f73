// Replace: every occurrence of a string by another. A pattern that is a regular expression is not
// supported yet.
#include "base/error.h"
#include "tokenizer/normalizer/normalizer.h"

namespace bge::tokenizer {
namespace {

class Replace final : public Normalizer {
 public:
  Replace(std::string_view pattern, std::string_view content)
      : pattern_(pattern), content_(content) {}
  void Normalize(NormalizedString* text) const override { text->Replace(pattern_, content_); }

 private:
  std::string pattern_, content_;
};

}  // namespace

std::unique_ptr<const Normalizer> MakeReplace(const json::Value& json) {
  const json::Value pattern = json.At("pattern");
  if (const auto regex = pattern.Find("Regex")) {
    Fail(ErrorCode::kUnsupported, "a regular expression in a Replace normalizer", regex->Where(),
         "this build replaces plain strings only (pattern.String)");
  }
  return std::make_unique<Replace>(pattern.At("String").AsString(), json.At("content").AsString());
}

}  // namespace bge::tokenizer
