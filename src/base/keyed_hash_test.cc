#include "base/keyed_hash.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <vector>

namespace bge {
namespace {

std::vector<std::byte> Counting(size_t n) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i < n; ++i) bytes.push_back(static_cast<std::byte>(i));
  return bytes;
}

TEST(KeyedHash, IsSipHash24) {
  // The key 00 01 .. 0f and messages 00 01 .. of the paper's Appendix A (15 bytes) and of the
  // authors' test vectors.
  const KeyedHash hash(0x0706050403020100, 0x0f0e0d0c0b0a0908);
  EXPECT_EQ(hash(Counting(0)), 0x726fdb47dd0e0e31u);
  EXPECT_EQ(hash(Counting(1)), 0x74f839c593dc67fdu);
  EXPECT_EQ(hash(Counting(8)), 0x93f5f5799a932462u);
  EXPECT_EQ(hash(Counting(15)), 0xa129ca6149be45e5u);
}

TEST(KeyedHash, DependsOnTheKeyAndOnEveryByte) {
  const KeyedHash random = KeyedHash::WithRandomKey();
  EXPECT_NE(random(Counting(9)), KeyedHash::WithRandomKey()(Counting(9)));
  std::set<uint64_t> seen;
  for (size_t n = 0; n < 40; ++n) {
    EXPECT_EQ(random(Counting(n)), random(Counting(n)));
    EXPECT_TRUE(seen.insert(random(Counting(n))).second) << n;
    for (size_t i = 0; i < n; ++i) {
      std::vector<std::byte> changed = Counting(n);
      changed[i] ^= std::byte{0x80};
      EXPECT_TRUE(seen.insert(random(changed)).second) << n << " " << i;
    }
  }
}

}  // namespace
}  // namespace bge
