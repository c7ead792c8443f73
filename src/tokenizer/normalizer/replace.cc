// Replace: every occurrence of a string by another. A pattern that is a regular expression is not
// supported yet, but for " {2,}".
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

// The pattern with which sentencepiece's conversions begin.
class ReplaceSpaceRuns final : public Normalizer {
 public:
  explicit ReplaceSpaceRuns(std::string_view content) : content_(content) {}
  void Normalize(NormalizedString* text) const override { text->ReplaceSpaceRuns(content_); }
  std::optional<std::string_view> SpaceRunsBecome() const override { return content_; }

 private:
  std::string content_;
};

}  // namespace

std::unique_ptr<const Normalizer> MakeReplaceSpaceRuns(std::string_view content) {
  return std::make_unique<ReplaceSpaceRuns>(content);
}

std::unique_ptr<const Normalizer> MakeReplace(std::string_view pattern, std::string_view content) {
  return std::make_unique<Replace>(pattern, content);
}

std::unique_ptr<const Normalizer> MakeReplace(const json::Value& json) {
  const json::Value pattern = json.At("pattern");
  if (const auto regex = pattern.Find("Regex")) {
    if (regex->AsString() == " {2,}") return MakeReplaceSpaceRuns(json.At("content").AsString());
    Fail(ErrorCode::kUnsupported, "a regular expression in a Replace normalizer", regex->Where(),
         "this build replaces plain strings (pattern.String) and the pattern ' {2,}' only");
  }
  return MakeReplace(pattern.At("String").AsString(), json.At("content").AsString());
}

}  // namespace bge::tokenizer
