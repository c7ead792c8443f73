// Open addressing with linear probing; see id_set.h.
#include "index/id_set.h"

#include "base/error.h"

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

size_t IdSet::SlotOf(std::string_view id, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t i = hash & mask;
  while (slots_[i].row != kFree && !(slots_[i].hash == hash && read_id_(slots_[i].row) == id)) {
    i = (i + 1) & mask;
  }
  return i;
}

std::optional<int64_t> IdSet::Insert(std::string_view id, int64_t row) {
  if (used_ >= slots_.size() / 4 * 3) Grow();
  const uint64_t hash = hash_(id, seed_);
  Slot& slot = slots_[SlotOf(id, hash)];
  if (slot.row != kFree) return slot.row;
  slot = {hash, row};
  ++used_;
  return std::nullopt;
}

std::optional<int64_t> IdSet::Find(std::string_view id) const {
  const int64_t row = slots_[SlotOf(id, hash_(id, seed_))].row;
  return row == kFree ? std::nullopt : std::optional(row);
}

void IdSet::Move(std::string_view id, int64_t row) {
  Slot& slot = slots_[SlotOf(id, hash_(id, seed_))];
  BGE_CHECK(slot.row != kFree);
  slot.row = row;
}

std::optional<int64_t> IdSet::Erase(std::string_view id) {
  size_t free = SlotOf(id, hash_(id, seed_));
  if (slots_[free].row == kFree) return std::nullopt;
  const int64_t row = slots_[free].row;
  // Those behind it that are not where they would like to be move up, so that no search for them
  // ends at the gap (Knuth, volume 3, 6.4, algorithm R).
  const size_t mask = slots_.size() - 1;
  for (size_t i = (free + 1) & mask; slots_[i].row != kFree; i = (i + 1) & mask) {
    const size_t wanted = slots_[i].hash & mask;
    if (((i - wanted) & mask) < ((i - free) & mask)) continue;
    slots_[free] = slots_[i];
    free = i;
  }
  slots_[free] = Slot();
  --used_;
  return row;
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
