#include "base/hash.h"

#include "base/error.h"

#include <openssl/evp.h>

namespace bge {

namespace {

class Digest {
 public:
  Digest(const EVP_MD* type, const char* name) : context_(EVP_MD_CTX_new()) {
    if (context_ != nullptr && EVP_DigestInit_ex(context_, type, nullptr) == 1) return;
    EVP_MD_CTX_free(context_);
    Fail(ErrorCode::kInternal, std::string("cannot start ") + name, "libcrypto",
         "check the OpenSSL installation");
  }
  ~Digest() { EVP_MD_CTX_free(context_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void Update(std::span<const std::byte> bytes) {
    BGE_CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
  }

  std::string Hex(unsigned expected_size) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    BGE_CHECK(EVP_DigestFinal_ex(context_, digest, &size) == 1 && size == expected_size);
    constexpr char kHex[] = "0123456789abcdef";
    std::string hex;
    for (unsigned i = 0; i < size; ++i) hex += {kHex[digest[i] >> 4], kHex[digest[i] & 15]};
    return hex;
  }

 private:
  EVP_MD_CTX* context_;
};

}  // namespace

struct Sha256::State {
  Digest digest{EVP_sha256(), "SHA-256"};
};
Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;
void Sha256::Update(std::span<const std::byte> bytes) { state_->digest.Update(bytes); }
std::string Sha256::Hex() { return state_->digest.Hex(32); }

struct Sha1::State {
  Digest digest{EVP_sha1(), "SHA-1"};
};
Sha1::Sha1() : state_(std::make_unique<State>()) {}
Sha1::Sha1(Sha1&&) noexcept = default;
Sha1::~Sha1() = default;
void Sha1::Update(std::span<const std::byte> bytes) { state_->digest.Update(bytes); }
std::string Sha1::Hex() { return state_->digest.Hex(20); }

}  // namespace bge
