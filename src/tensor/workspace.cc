#include "tensor/workspace.h"

#include "base/huge_pages.h"
#include "base/numeric.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace bge {

namespace {
constexpr size_t kAlignment = 64;         // a cache line, and the widest vector
constexpr size_t kMinBlock = 256 * 1024;  // below this the number of blocks would matter
// Half a page is lost at most, of one block.
constexpr size_t kLeastOnHugePages = kHugePageBytes / 2;
}  // namespace

Workspace::Block Workspace::NewBlock(size_t size) {
  if (size >= kLeastOnHugePages) {
    size = RoundUp(size, kHugePageBytes);
    return {MapHugePages(size), size};
  }
  size = RoundUp(size, kAlignment);
  auto* p = static_cast<std::byte*>(std::aligned_alloc(kAlignment, size));
  if (p == nullptr) throw std::bad_alloc();
  return {std::shared_ptr<std::byte>(p, &std::free), size};
}

void* Workspace::Allocate(size_t bytes) {
  bytes = RoundUp(bytes, kAlignment);
  if (blocks_.empty() || blocks_.back().size - used_ < bytes) {
    blocks_.push_back(NewBlock(std::max({bytes, kMinBlock, next_block_})));
    next_block_ = 0;
    capacity_ += blocks_.back().size;
    used_ = 0;
  }
  void* p = blocks_.back().data.get() + used_;
  used_ += bytes;
  return p;
}

void Workspace::Reset() noexcept {
  if (blocks_.size() > 1) {
    next_block_ = capacity_;
    blocks_.clear();  // now, so that old and new blocks never exist together
    capacity_ = 0;
  }
  used_ = 0;
}

}  // namespace bge
