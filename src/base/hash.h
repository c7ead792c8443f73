// Hashes of content: SHA-256 for checksums in files, SHA-1 for the names that git gives.
#ifndef BGE_BASE_HASH_H_
#define BGE_BASE_HASH_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace bge {

/// Incremental SHA-256 (libcrypto). Not thread-safe.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  ~Sha256();
  void Update(std::span<const std::byte> bytes);
  /// 64 lower-case hexadecimal digits; the object is then finished.
  std::string Hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Incremental SHA-1, 40 digits: good against accidents, not against those who make collisions. Not
/// thread-safe.
class Sha1 {
 public:
  Sha1();
  Sha1(Sha1&&) noexcept;
  ~Sha1();
  void Update(std::span<const std::byte> bytes);
  std::string Hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bge

#endif  // BGE_BASE_HASH_H_
