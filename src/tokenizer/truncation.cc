#include "tokenizer/truncation.h"

#include "base/error.h"

#include <algorithm>
#include <string>
#include <utility>

namespace bge::tokenizer {
namespace {

// The longer text loses tokens until both are as long; then both, and the odd token stays with the
// text that was longer.
KeptTokens LongestFirst(size_t first, size_t second, size_t most) {
  const bool swapped = first > second;
  size_t shorter = std::min(first, second);
  // Parity: beyond `most` upstream only marks both as too long.
  size_t longer = shorter > most ? shorter : std::max(shorter, most - shorter);
  if (shorter + longer > most) {
    shorter = most / 2;
    longer = shorter + most % 2;
  }
  return swapped ? KeptTokens{longer, shorter} : KeptTokens{shorter, longer};
}

}  // namespace

KeptTokens Truncate(size_t first, std::optional<size_t> second, size_t most,
                    TruncationStrategy strategy) {
  const size_t total = first + second.value_or(0);
  if (most == 0) return {0, 0};
  if (total <= most) return {first, second.value_or(0)};
  if (strategy == TruncationStrategy::kLongestFirst) {
    if (!second) return {most, 0};
    KeptTokens kept = LongestFirst(first, *second, most);
    return {std::min(kept.first, first), std::min(kept.second, *second)};
  }
  const size_t excess = total - most;
  const bool of_first = strategy == TruncationStrategy::kOnlyFirst;
  if (!of_first && !second) {
    Fail(ErrorCode::kInvalidArgument, "a single text is too long to truncate only the second",
         std::to_string(total) + " tokens, at most " + std::to_string(most) + " allowed",
         "use another truncation strategy");
  }
  const size_t target = of_first ? first : *second;
  if (target <= excess) {
    Fail(ErrorCode::kInvalidArgument,
         of_first ? "the first text is too short to truncate it alone"
                  : "the second text is too short to truncate it alone",
         std::to_string(target) + " tokens, of which " + std::to_string(excess) +
             " would have to go",
         "use another truncation strategy or a larger max_length");
  }
  if (of_first) return {first - excess, second.value_or(0)};
  return {first, *second - excess};
}

}  // namespace bge::tokenizer
