// The five names of what becomes of a match.
#include "base/error.h"
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"

namespace bge::tokenizer {

SplitBehavior SplitBehaviorFromJson(const json::Value& json) {
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

}  // namespace bge::tokenizer
