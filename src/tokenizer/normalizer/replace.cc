// Replace: every match of a string or a regular expression by a string.
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/pattern.h"

#include <algorithm>

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

// " {2,}", with which sentencepiece's conversions begin.
class ReplaceSpaceRuns final : public Normalizer {
 public:
  explicit ReplaceSpaceRuns(std::string_view content) : content_(content) {}

  void Normalize(NormalizedString* text) const override {
    text->ReplaceMatches(content_, [&](auto&& replace) {
      const std::string_view in = text->text();
      for (size_t begin = in.find("  "); begin != std::string_view::npos;) {
        const size_t end = std::min(in.find_first_not_of(' ', begin), in.size());
        replace(begin, end);
        begin = in.find("  ", end);
      }
    });
  }
  std::optional<std::string_view> SpaceRunsBecome() const override { return content_; }

 private:
  std::string content_;
};

}  // namespace

std::unique_ptr<const Normalizer> MakeReplaceSpaceRuns(std::string_view content) {
  return std::make_unique<ReplaceSpaceRuns>(content);
}

std::unique_ptr<const Normalizer> MakeReplace(std::string_view pattern, std::string_view content) {
  return std::make_unique<Replace>(Pattern(std::string(pattern)), content);
}

std::unique_ptr<const Normalizer> MakeReplace(const json::Value& json) {
  const json::Value pattern = json.At("pattern");
  const std::string_view content = json.At("content").AsString();
  const auto regex = pattern.Find("Regex");
  if (regex && regex->AsString() == " {2,}") return MakeReplaceSpaceRuns(content);
  return std::make_unique<Replace>(Pattern(pattern), content);
}

}  // namespace bge::tokenizer
