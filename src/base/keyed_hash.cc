#include "base/keyed_hash.h"

#include <bit>
#include <cstring>
#include <random>

namespace bge {

namespace {

// Figure 2.1 of the paper: one SipRound over the four words of state.
struct SipState {
  uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void Absorb(uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
};

}  // namespace

KeyedHash KeyedHash::WithRandomKey() {
  std::random_device device;
  const auto word = [&device] { return uint64_t{device()} << 32 | device(); };
  const uint64_t key0 = word();
  return {key0, word()};
}

uint64_t KeyedHash::operator()(std::span<const std::byte> bytes) const {
  // "somepseudorandomlygeneratedbytes"
  SipState state = {key0_ ^ 0x736f6d6570736575, key1_ ^ 0x646f72616e646f6d,
                    key0_ ^ 0x6c7967656e657261, key1_ ^ 0x7465646279746573};
  const std::byte* data = bytes.data();
  size_t left = bytes.size();
  uint64_t word = 0;
  for (; left >= 8; left -= 8, data += 8) {
    std::memcpy(&word, data, 8);
    state.Absorb(word);
  }
  word = uint64_t{bytes.size()} << 56;  // the length's last byte ends the last word
  for (size_t i = 0; i < left; ++i) word |= static_cast<uint64_t>(data[i]) << (8 * i);
  state.Absorb(word);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.Round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace bge
