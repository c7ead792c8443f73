// A hash table from pieces of text to ids, made for looking up many short pieces of a buffer.
#ifndef BGE_TOKENIZER_MODEL_PIECE_TABLE_H_
#define BGE_TOKENIZER_MODEL_PIECE_TABLE_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bge::tokenizer {

/// Immutable after Build(); thread-safe. Open addressing; pieces of up to 8 bytes are their own key
/// and are compared with one word, longer ones by hash and then by their bytes.
class PieceTable {
 public:
  /// Bytes behind a piece that Find may read (and ignores).
  static constexpr size_t kPadding = 8;

  /// Ids are 0 or more. The last of equal pieces counts. Error(kCorruptData) where the pieces were
  /// made to collide; `where` names their file and field.
  void Build(const std::vector<std::pair<std::string_view, int32_t>>& pieces,
             std::string_view where);

  /// The id of the `size` bytes at `piece`, behind which kPadding bytes can be read; -1 where
  /// absent.
  int32_t Find(const char* piece, size_t size) const {
    uint64_t key;
    if (size <= 8) {
      key = ShortKey(piece, size);
    } else {
      if (size > longest_ || !HasLength(size)) return -1;
      key = LongKey(piece, size);
    }
    return FindKey(key, piece, size);
  }

  /// For looking up many long beginnings of one text, each in constant time: the hashes of the
  /// first `size` bytes at `piece` and of all shorter ones, and Find() by them.
  static constexpr size_t kShort = 64;
  void HashBeginnings(const char* piece, size_t size, std::vector<uint64_t>* hashes) const {
    hashes->clear();
    uint64_t hash = 0;
    for (size_t i = 0; i + 8 <= size; i += 8) {
      hashes->push_back(hash);
      hash = Mix(hash ^ Load(piece + i));
    }
    hashes->push_back(hash);
  }
  /// size: more than kShort, at most that of HashBeginnings.
  int32_t FindHashed(const char* piece, size_t size, const std::vector<uint64_t>& hashes) const {
    if (size > longest_ || !HasLength(size)) return -1;
    return FindKey(EndKey(hashes[(size - 1) / 8], piece, size), piece, size);
  }

  /// Of the pieces that can start at `piece` (`size` bytes, at least 1), none is longer than this.
  size_t LongestAt(const char* piece, size_t size) const {
    if (size == 1) return 1;
    const uint8_t longest = longest_by_start_[StartOf(piece)];
    if (longest == kUnbounded) return size < longest_ ? size : longest_;
    return size < longest ? size : longest;
  }

 private:
  int32_t FindKey(uint64_t key, const char* piece, size_t size) const {
    for (size_t i = SlotOf(key, size);; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.id < 0) return -1;
      if (slot.key == key && slot.size == size &&
          (size <= 8 || std::memcmp(long_pieces_.data() + long_offsets_[i], piece, size) == 0)) {
        return slot.id;
      }
    }
  }

  struct Slot {
    uint64_t key;
    int32_t id;  // -1: free
    uint32_t size;
  };
  static constexpr uint8_t kUnbounded = 255;
  static constexpr size_t kStarts = 4096;

  bool HasLength(size_t size) const { return (lengths_[size / 64] >> size % 64 & 1) != 0; }
  static uint64_t Load(const char* p) {
    uint64_t value;
    std::memcpy(&value, p, sizeof(value));
    return value;
  }
  static uint64_t ShortKey(const char* piece, size_t size) {
    return size == 0 ? 0 : Load(piece) & (~uint64_t{0} >> (64 - 8 * size));
  }
  uint64_t LongKey(const char* piece, size_t size) const {
    uint64_t hash = 0;
    for (size_t i = 0; i + 8 < size; i += 8) hash = Mix(hash ^ Load(piece + i));
    return EndKey(hash, piece, size);
  }
  // `hash`: of the whole words in front of the last 1 to 8 bytes.
  uint64_t EndKey(uint64_t hash, const char* piece, size_t size) const {
    return Mix(hash ^ Load(piece + size - 8) ^ size * multiplier_);
  }
  uint64_t Mix(uint64_t x) const {
    const auto product = static_cast<unsigned __int128>(x) * multiplier_;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  size_t SlotOf(uint64_t key, size_t size) const {
    return static_cast<size_t>(((key ^ size) * multiplier_) >> shift_);
  }
  static size_t StartOf(const char* piece) {
    return (static_cast<size_t>(static_cast<unsigned char>(piece[0])) << 4 ^
            static_cast<unsigned char>(piece[1])) &
           (kStarts - 1);
  }
  bool TryBuild(const std::vector<std::pair<std::string_view, int32_t>>& pieces);
  // Finds the slot of `piece`, or the free one where it belongs; false after too many steps.
  bool Probe(std::string_view piece, uint64_t key, size_t* slot) const;

  uint64_t multiplier_ = 0;
  int shift_ = 63;
  size_t mask_ = 1;
  size_t longest_ = 0;
  std::vector<uint64_t> lengths_;  // a bit for each length that a piece has, up to longest_
  std::vector<Slot> slots_ = {{0, -1, 0}, {0, -1, 0}};
  std::vector<uint32_t> long_offsets_;  // by slot, into long_pieces_
  std::string long_pieces_;
  std::array<uint8_t, kStarts> longest_by_start_{};
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_MODEL_PIECE_TABLE_H_
