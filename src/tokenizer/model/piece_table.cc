#include "tokenizer/model/piece_table.h"

#include "base/error.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <bit>

namespace bge::tokenizer {
namespace {

// Odd, with well spread bits. A file whose pieces collide under all of them was made for that.
constexpr uint64_t kMultipliers[] = {0x9E3779B97F4A7C15u, 0xD6E8FEB86659FD93u, 0xA0761D6478BD642Fu};
// Half-full tables need a handful of steps; this bounds what a hostile vocabulary can cost.
constexpr int kMostSteps = 256;

}  // namespace

void PieceTable::Build(const std::vector<std::pair<std::string_view, int32_t>>& pieces,
                       std::string_view where) {
  longest_ = 0;
  lengths_.assign(1, 0);
  longest_by_start_.fill(1);
  for (const auto& [piece, id] : pieces) {
    longest_ = std::max(longest_, piece.size());
    lengths_.resize(longest_ / 64 + 1);
    lengths_[piece.size() / 64] |= uint64_t{1} << piece.size() % 64;
    if (piece.size() < 2) continue;
    uint8_t& longest = longest_by_start_[StartOf(piece.data())];
    longest = std::max(longest, static_cast<uint8_t>(std::min<size_t>(piece.size(), kUnbounded)));
  }
  const size_t slots = std::bit_ceil(std::max<size_t>(2, pieces.size() * 2));
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  for (const uint64_t multiplier : kMultipliers) {
    multiplier_ = multiplier;
    if (TryBuild(pieces)) return;
  }
  Fail(ErrorCode::kCorruptData, "the vocabulary's tokens collide in a hash table", where,
       "they look made for that; use the original file");
}

bool PieceTable::TryBuild(const std::vector<std::pair<std::string_view, int32_t>>& pieces) {
  slots_.assign(mask_ + 1, Slot{0, -1, 0});
  long_offsets_.assign(mask_ + 1, 0);
  long_pieces_.clear();
  char padded[8 + kPadding] = {};
  for (const auto& [piece, id] : pieces) {
    uint64_t key;
    if (piece.size() <= 8) {
      std::memcpy(padded, piece.data(), piece.size());
      key = ShortKey(padded, piece.size());
    } else {
      key = LongKey(piece.data(), piece.size());
    }
    size_t slot;
    if (!Probe(piece, key, &slot)) return false;
    if (slots_[slot].id < 0 && piece.size() > 8) {
      long_offsets_[slot] = static_cast<uint32_t>(long_pieces_.size());
      long_pieces_.append(piece);
    }
    slots_[slot] = {key, id, static_cast<uint32_t>(piece.size())};
  }
  return true;
}

bool PieceTable::Probe(std::string_view piece, uint64_t key, size_t* slot) const {
  *slot = SlotOf(key, piece.size());
  for (int steps = 0; steps < kMostSteps; ++steps, *slot = (*slot + 1) & mask_) {
    const Slot& s = slots_[*slot];
    if (s.id < 0) return true;
    if (s.key == key && s.size == piece.size() &&
        (piece.size() <= 8 || std::memcmp(long_pieces_.data() + long_offsets_[*slot], piece.data(),
                                          piece.size()) == 0)) {
      return true;
    }
  }
  return false;
}

}  // namespace bge::tokenizer
