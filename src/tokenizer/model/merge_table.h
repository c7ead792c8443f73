// A hash table from pairs of token ids to what they merge into.
#ifndef BGE_TOKENIZER_MODEL_MERGE_TABLE_H_
#define BGE_TOKENIZER_MODEL_MERGE_TABLE_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// Immutable after Build(); thread-safe. Open addressing with a bounded number of steps.
class MergeTable {
 public:
  struct Merge {
    int32_t left, right;  // ids, 0 or more
    uint32_t rank;
    int32_t id;  // of both together
  };

  /// The last of equal pairs counts. Error(kCorruptData) where the pairs were made to collide;
  /// `where` names their file and field.
  void Build(const std::vector<Merge>& merges, std::string_view where);

  /// nullptr where the pair does not merge.
  const Merge* Find(int32_t left, int32_t right) const {
    for (size_t i = SlotOf(left, right);; i = (i + 1) & mask_) {
      const Merge& slot = slots_[i];
      if (slot.left == left && slot.right == right) return &slot;
      if (slot.left < 0) return nullptr;
    }
  }

 private:
  size_t SlotOf(int32_t left, int32_t right) const {
    const uint64_t key =
        static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
    const auto product = static_cast<unsigned __int128>(key) * multiplier_;
    return static_cast<size_t>(static_cast<uint64_t>(product >> 64) ^
                               static_cast<uint64_t>(product)) &
           mask_;
  }
  bool TryBuild(const std::vector<Merge>& merges);

  static constexpr Merge kFree = {-1, -1, 0, -1};
  uint64_t multiplier_ = 1;
  size_t mask_ = 0;
  std::vector<Merge> slots_ = {kFree};
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_MODEL_MERGE_TABLE_H_
