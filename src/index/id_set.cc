// Open addressing with linear probing; see id_set.h.
#include "index/id_set.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

namespace bge::index {
namespace {

constexpr size_t kFirstSlots = 1024;

__extension__ using Uint128 = unsigned __int128;

// The high and low halves of the product, folded.
uint64_t Fold(uint64_t a, uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Multiply-and-fold over 8-byte words. The seed is random, so a file of ids that all collide cannot
// be prepared beforehand (each collision would cost a read).
uint64_t SeededHash(std::string_view id, uint64_t seed) {
  constexpr uint64_t kOddA = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  constexpr uint64_t kOddB = 0xbf58476d1ce4e5b9;  // splitmix64's first multiplier
  uint64_t hash = Fold(seed ^ id.size(), kOddA);
  for (size_t i = 0; i < id.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, id.data() + i, std::min<size_t>(8, id.size() - i));
    hash = Fold(hash ^ word ^ kOddB, kOddA);
  }
  return Fold(hash, kOddB);
}

uint64_t RandomSeed() {
  std::random_device random;
  return (static_cast<uint64_t>(random()) << 32) | random();
}

}  // namespace

IdSet::IdSet(ReadId read_id, Hash hash)
    : read_id_(std::move(read_id)),
      hash_(hash != nullptr ? hash : &SeededHash),
      seed_(RandomSeed()),
      slots_(kFirstSlots) {}

std::optional<int64_t> IdSet::Insert(std::string_view id, int64_t row) {
  if (used_ >= slots_.size() / 4 * 3) Grow();
  const uint64_t hash = hash_(id, seed_);
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    Slot& slot = slots_[i];
    if (slot.row == kFree) {
      slot = {hash, row};
      ++used_;
      return std::nullopt;
    }
    if (slot.hash == hash && read_id_(slot.row) == id) return slot.row;
  }
}

void IdSet::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.row == kFree) continue;
    size_t i = slot.hash & mask;
    while (slots_[i].row != kFree) i = (i + 1) & mask;
    slots_[i] = slot;
  }
}

}  // namespace bge::index
