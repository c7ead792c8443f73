// The examples of FIPS 180-4, and what git says.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <string_view>

namespace bge {
namespace {

template <typename Hash>
std::string HexOf(std::initializer_list<std::string_view> pieces) {
  Hash hash;
  for (const std::string_view piece : pieces) {
    hash.Update(std::as_bytes(std::span(piece.data(), piece.size())));
  }
  return hash.Hex();
}

TEST(Hashes, AreThoseOfTheStandard) {
  EXPECT_EQ(HexOf<Sha1>({"abc"}), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(HexOf<Sha1>({}), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(HexOf<Sha256>({"abc"}),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexOf<Sha256>({"a", "", "bc"}), HexOf<Sha256>({"abc"}));
  // git hash-object of a file that holds "{}".
  EXPECT_EQ(HexOf<Sha1>({std::string_view("blob 2\0", 7), "{}"}),
            "9e26dfeeb6e641a33dae4961196235bdb965b21b");
}

}  // namespace
}  // namespace bge
