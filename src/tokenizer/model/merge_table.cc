#include "tokenizer/model/merge_table.h"

#include "base/error.h"

#include <algorithm>
#include <bit>

namespace bge::tokenizer {
namespace {

// As in piece_table.cc: a file whose pairs collide under all of these was made for that.
constexpr uint64_t kMultipliers[] = {0x9E3779B97F4A7C15u, 0xD6E8FEB86659FD93u, 0xA0761D6478BD642Fu};
constexpr int kMostSteps = 256;

}  // namespace

void MergeTable::Build(const std::vector<Merge>& merges, std::string_view where) {
  mask_ = std::bit_ceil(std::max<size_t>(2, merges.size() * 2)) - 1;
  for (const uint64_t multiplier : kMultipliers) {
    multiplier_ = multiplier;
    if (TryBuild(merges)) return;
  }
  Fail(ErrorCode::kCorruptData, "the merges collide in a hash table", where,
       "they look made for that; use the original file");
}

bool MergeTable::TryBuild(const std::vector<Merge>& merges) {
  slots_.assign(mask_ + 1, kFree);
  for (const Merge& merge : merges) {
    size_t slot = SlotOf(merge.left, merge.right);
    int steps = 0;
    while (slots_[slot].left >= 0 &&
           (slots_[slot].left != merge.left || slots_[slot].right != merge.right)) {
      if (++steps == kMostSteps) return false;
      slot = (slot + 1) & mask_;
    }
    slots_[slot] = merge;
  }
  return true;
}

}  // namespace bge::tokenizer
