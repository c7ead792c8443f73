#include "base/huge_pages.h"

#include "base/numeric.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

namespace bge {

namespace {

constexpr size_t kPieceBytes = 32 * kHugePageBytes;
constexpr size_t kAlignment = 64;  // a cache line, and the widest vector
// Blocks of whole pages would all begin at the same place of a page, and so compete for the same
// sets of the first-level cache.
constexpr size_t kStagger = 5 * kAlignment;
constexpr size_t kMostBytes = std::numeric_limits<size_t>::max() / 4;

// Address space of its own, at a multiple of a huge page.
class Piece {
 public:
  explicit Piece(size_t bytes) : mapped_bytes_(bytes + kHugePageBytes) {
    mapped_ = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped_ == MAP_FAILED) throw std::bad_alloc();
    const auto address = reinterpret_cast<uintptr_t>(mapped_);
    begin_ = static_cast<std::byte*>(mapped_) + (RoundUp(address, kHugePageBytes) - address);
    size_ = bytes;
#ifdef MADV_HUGEPAGE
    ::madvise(begin_, size_, MADV_HUGEPAGE);  // a wish
#endif
  }
  ~Piece() { ::munmap(mapped_, mapped_bytes_); }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;

  // Null where it is full.
  std::byte* Take(size_t bytes) {
    if (size_ - used_ < bytes) return nullptr;
    std::byte* const block = begin_ + used_;
    used_ = std::min(size_, used_ + RoundUp(bytes, kAlignment) + kStagger);
    return block;
  }

 private:
  void* mapped_;
  size_t mapped_bytes_;
  std::byte* begin_;
  size_t size_;
  size_t used_ = 0;
};

// Of the process. Never destroyed: models may be, later.
struct Pieces {
  static Pieces& Get() {
    static Pieces& pieces = *new Pieces();
    return pieces;
  }
  // A child that is forked while another thread has the lock must find it free.
  Pieces() {
    ::pthread_atfork([] { Get().mutex.lock(); }, [] { Get().mutex.unlock(); },
                     [] { Get().mutex.unlock(); });
  }

  std::mutex mutex;
  std::weak_ptr<Piece> last;  // the others are full
};

// Made when the library is loaded: a child that is forked while another thread makes them would
// wait for that thread for ever.
[[maybe_unused]] const Pieces& kMadeEarly = Pieces::Get();

}  // namespace

std::shared_ptr<std::byte> MapHugePages(size_t bytes) {
  if (bytes > kMostBytes) throw std::bad_alloc();
  const auto piece = std::make_shared<Piece>(RoundUp(std::max<size_t>(bytes, 1), kHugePageBytes));
  return {piece, piece->Take(bytes)};
}

std::shared_ptr<std::byte> AllocateOnHugePages(size_t bytes) {
  if (bytes > kMostBytes) throw std::bad_alloc();
  Pieces& pieces = Pieces::Get();
  const std::lock_guard lock(pieces.mutex);
  std::shared_ptr<Piece> piece = pieces.last.lock();
  std::byte* block = piece == nullptr ? nullptr : piece->Take(bytes);
  if (block == nullptr) {
    const size_t least = RoundUp(std::max<size_t>(bytes, 1), kHugePageBytes);
    try {
      piece = std::make_shared<Piece>(std::max(kPieceBytes, least));
    } catch (const std::bad_alloc&) {
      // The address space may be limited (ulimit -v).
      piece = std::make_shared<Piece>(least);
    }
    block = piece->Take(bytes);
    pieces.last = piece;
  }
  return {std::move(piece), block};
}

}  // namespace bge
