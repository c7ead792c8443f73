// Scratch memory of one thread, for kernels whose threads need some that the caller cannot give.
#ifndef BGE_KERNELS_CPU_SCRATCH_H_
#define BGE_KERNELS_CPU_SCRATCH_H_

#include "base/per_thread.h"
#include "hwy/aligned_allocator.h"

#include <cstddef>
#include <new>
#include <vector>

namespace bge::cpu {

/// Grows, never shrinks. For thread_local variables: its memory goes with its thread, and it has no
/// destructor (PerThread says why).
class FloatScratch {
 public:
  /// At least n floats, uninitialised, on a vector's boundary: valid until the next call.
  float* Floats(size_t n) {
    if (n > size_) Grow(n);
    return floats_;
  }

 private:
  using Memory = hwy::AlignedFreeUniquePtr<float[]>;

  void Grow(size_t n) {
    static PerThread<std::vector<Memory>> kept;  // of all variables of a thread
    std::vector<Memory>& memories = kept.Get();
    if (number_ == 0) {
      memories.emplace_back();
      number_ = memories.size();
    }
    Memory& memory = memories[number_ - 1];
    memory.reset();
    size_ = 0;
    memory = hwy::AllocateAligned<float>(n);
    if (memory == nullptr) throw std::bad_alloc();
    floats_ = memory.get();
    size_ = n;
  }

  float* floats_ = nullptr;
  size_t size_ = 0;
  size_t number_ = 0;  // of its memory among the thread's, from 1; 0: none yet
};

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_SCRATCH_H_
