#include "tensor/workspace.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace bge {

namespace {
constexpr size_t kAlignment = 64;         // a cache line, and the widest vector
constexpr size_t kMinBlock = 256 * 1024;  // below this the number of blocks would matter
}  // namespace

void Workspace::Free::operator()(std::byte* p) const { std::free(p); }

Workspace::Block Workspace::NewBlock(size_t size) {
  size = (size + kAlignment - 1) / kAlignment * kAlignment;
  auto* p = static_cast<std::byte*>(std::aligned_alloc(kAlignment, size));
  if (p == nullptr) throw std::bad_alloc();
  Block block;
  block.data.reset(p);
  block.size = size;
  return block;
}

void* Workspace::Allocate(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
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
