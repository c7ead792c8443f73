// A hash for tables whose keys come from outside.
#ifndef BGE_BASE_KEYED_HASH_H_
#define BGE_BASE_KEYED_HASH_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace bge {

/// SipHash-2-4 (Aumasson and Bernstein, 2012): 64 bits, about a byte a cycle. Who does not know the
/// key cannot find inputs that collide, so no input makes a hash table slow. Not for storage: the
/// values of a random key are gone with the process. Immutable; thread-safe.
class KeyedHash {
 public:
  KeyedHash(uint64_t key0, uint64_t key1) : key0_(key0), key1_(key1) {}
  /// With a key from the system's source of randomness.
  static KeyedHash WithRandomKey();

  uint64_t operator()(std::span<const std::byte> bytes) const;

 private:
  uint64_t key0_;
  uint64_t key1_;
};

}  // namespace bge

#endif  // BGE_BASE_KEYED_HASH_H_
