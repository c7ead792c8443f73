// SHA-256 for checksums in files.
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

}  // namespace bge

#endif  // BGE_BASE_HASH_H_
