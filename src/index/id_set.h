// Which row has an id, without keeping the ids in memory: finds repeated ones while an index is
// written, and rows to delete.
//
// A table of (64-bit hash, row): 21 to 43 bytes an id, 64 at the moment when it grows. Where hashes
// agree the earlier id is read back and compared, so the answer is exact whatever the hash does.
#ifndef BGE_INDEX_ID_SET_H_
#define BGE_INDEX_ID_SET_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bge::index {

/// Ids seen so far. Single thread.
class IdSet {
 public:
  using Hash = uint64_t (*)(std::string_view id, uint64_t seed);
  /// Returns the id of a row that was inserted.
  using ReadId = std::function<std::string(int64_t row)>;

  /// `hash` is replaced by tests only.
  explicit IdSet(ReadId read_id, Hash hash = nullptr);

  /// Remembers `id` as that of `row`. Where an equal id was inserted before, its row is returned
  /// and nothing changes.
  std::optional<int64_t> Insert(std::string_view id, int64_t row);
  /// The row that `id` was inserted with.
  std::optional<int64_t> Find(std::string_view id) const;
  /// `id`, which was inserted, is that of `row` from now on.
  void Move(std::string_view id, int64_t row);
  /// Forgets `id` and returns its row; nullopt where it was not there.
  std::optional<int64_t> Erase(std::string_view id);

 private:
  struct Slot {
    uint64_t hash = 0;
    int64_t row = kFree;
  };
  static constexpr int64_t kFree = -1;

  // The slot of the id, or the free one where it would be put.
  size_t SlotOf(std::string_view id, uint64_t hash) const;
  void Grow();

  ReadId read_id_;
  Hash hash_;
  uint64_t seed_;
  size_t used_ = 0;
  std::vector<Slot> slots_;  // a power of two, linear probing
};

}  // namespace bge::index

#endif  // BGE_INDEX_ID_SET_H_
