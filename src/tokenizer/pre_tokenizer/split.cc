// Split: cuts at what a string or a regular expression matches, in any of the five ways.
#include "tokenizer/pattern.h"
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"

namespace bge::tokenizer {
namespace {

class Split final : public PreTokenizer {
 public:
  Split(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void PreTokenize(PretokenizedString* text) const override {
    text->Split(behavior_, [this](std::string_view piece, PatternRanges* ranges) {
      pattern_.FindRanges(piece, invert_, ranges);
    });
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeSplit(const json::Value& json) {
  return std::make_unique<Split>(Pattern(json.At("pattern")),
                                 SplitBehaviorFromJson(json.At("behavior")),
                                 json.At("invert").AsBool());
}

}  // namespace bge::tokenizer
