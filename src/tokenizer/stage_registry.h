// How the stages of tokenizer.json are found by their "type": an explicit table for each stage.
#ifndef BGE_TOKENIZER_STAGE_REGISTRY_H_
#define BGE_TOKENIZER_STAGE_REGISTRY_H_

#include "base/error.h"
#include "base/json.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// Most stages of a Sequence, those of sequences in it included.
inline constexpr size_t kMostStages = 64;

/// Counts the stages of `stages`, the member `key` of a Sequence, up to one more than kMostStages.
inline size_t CountStages(const json::Value& stages, std::string_view key) {
  if (!stages.is_array()) return 0;
  size_t count = 0;
  if (stages.size() > kMostStages) return kMostStages + 1;
  for (const json::Value& stage : stages.Elements()) {
    ++count;
    if (stage.is_object()) {
      if (const auto inner = stage.Find(key)) count += CountStages(*inner, key);
    }
    if (count > kMostStages) return kMostStages + 1;
  }
  return count;
}

/// The stages of a Sequence. Error(kUnsupported) where they are too many.
inline std::vector<json::Value> StagesOfSequence(const json::Value& sequence,
                                                 std::string_view key) {
  const json::Value stages = sequence.At(key);
  if (CountStages(stages, key) > kMostStages) {
    Fail(ErrorCode::kUnsupported, "a Sequence of more than 64 stages", stages.Where(),
         "expected a few");
  }
  return stages.Elements();
}

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_STAGE_REGISTRY_H_
