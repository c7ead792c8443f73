// Punctuation: cuts at punctuation, in any of the five ways.
#include "base/error.h"
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

SplitBehavior BehaviorFromJson(const json::Value& json) {
  constexpr struct {
    std::string_view name;
    SplitBehavior behavior;
  } kBehaviors[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  };
  for (const auto& row : kBehaviors) {
    if (row.name == json.AsString()) return row.behavior;
  }
  json.Fail("unknown behavior '" + Printable(json.AsString(), 60) + "'",
            "expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

}  // namespace

std::unique_ptr<const PreTokenizer> MakePunctuation(const json::Value& json) {
  const auto behavior = json.Find("behavior");
  return std::make_unique<Punctuation>(behavior ? BehaviorFromJson(*behavior)
                                                : SplitBehavior::kIsolated);
}

}  // namespace bge::tokenizer
