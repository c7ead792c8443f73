// Memory on huge pages.
//
// A processor keeps where some thousand pages lie (the TLB) and looks the others up in tables, in a
// virtual machine in two. The weights of a small model are ten thousand pages of 4 kB, all read for
// each query: of one short text up to a fifth of the time went into looking them up.
#ifndef BGE_BASE_HUGE_PAGES_H_
#define BGE_BASE_HUGE_PAGES_H_

#include <cstddef>
#include <memory>

namespace bge {

/// Of x86-64, and of aarch64 with pages of 4 kB.
inline constexpr size_t kHugePageBytes = size_t{2} << 20;

/// `bytes` bytes, zero, at a multiple of 64, for what stays long and is read often. Such blocks lie
/// side by side in pieces of address space for which the system was asked for huge pages
/// (transparent ones, Linux's madvise; where it has none they are pages like others). What no block
/// has used of a piece takes no memory, but for the rest of a huge page; a piece goes with the last
/// of its blocks. Thread-safe, also across fork. Throws std::bad_alloc.
std::shared_ptr<std::byte> AllocateOnHugePages(size_t bytes);

/// The same on pages of its own, which go with it: for what is read and written, and grows. The
/// last of its pages is whole, so that `bytes` had better be a multiple of kHugePageBytes.
std::shared_ptr<std::byte> MapHugePages(size_t bytes);

}  // namespace bge

#endif  // BGE_BASE_HUGE_PAGES_H_
