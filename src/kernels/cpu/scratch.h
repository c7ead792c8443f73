// Scratch memory of one thread, for kernels whose threads need some that the caller cannot give.
#ifndef BGE_KERNELS_CPU_SCRATCH_H_
#define BGE_KERNELS_CPU_SCRATCH_H_

#include "hwy/aligned_allocator.h"

#include <cstddef>
#include <new>

namespace bge::cpu {

/// Grows, never shrinks; as a thread_local variable it goes with its thread.
class FloatScratch {
 public:
  /// At least n floats, uninitialised, on a vector's boundary: valid until the next call.
  float* Floats(size_t n) {
    if (n > size_) {
      memory_.reset();
      memory_ = hwy::AllocateAligned<float>(n);
      size_ = memory_ == nullptr ? 0 : n;
      if (memory_ == nullptr) throw std::bad_alloc();
    }
    return memory_.get();
  }

 private:
  hwy::AlignedFreeUniquePtr<float[]> memory_;
  size_t size_ = 0;
};

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_SCRATCH_H_
