// How the stages of tokenizer.json are found by their "type": an explicit table for each stage.
#ifndef BGE_TOKENIZER_STAGE_REGISTRY_H_
#define BGE_TOKENIZER_STAGE_REGISTRY_H_

#include "base/error.h"
#include "base/json.h"

#include <span>
#include <string>
#include <string_view>

namespace bge::tokenizer {

/// One known type: its name and what makes it, `Make(const json::Value&)`.
template <typename Make>
struct StageRow {
  std::string_view type;
  Make make;
};

/// The row whose type is that of `json`, an object. `stage` is its name in messages: "normalizer".
/// Error(kUnsupported) naming the type found and those known.
template <typename Make>
const StageRow<Make>& FindStage(std::span<const StageRow<Make>> rows, std::string_view stage,
                                const json::Value& json) {
  const json::Value type = json.At("type");
  for (const StageRow<Make>& row : rows) {
    if (row.type == type.AsString()) return row;
  }
  std::string known;
  for (const StageRow<Make>& row : rows) {
    if (!known.empty()) known += ", ";
    known += row.type;
  }
  Fail(ErrorCode::kUnsupported,
       "unknown " + std::string(stage) + " type '" + Printable(type.AsString(), 60) + "'",
       type.Where(), "this build knows " + known);
}

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_STAGE_REGISTRY_H_
