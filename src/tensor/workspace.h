// Scratch memory for one forward pass.
#ifndef BGE_TENSOR_WORKSPACE_H_
#define BGE_TENSOR_WORKSPACE_H_

#include "tensor/tensor_view.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace bge {

/// A bump arena of 64-byte-aligned blocks. Allocations live until Reset(), which keeps the memory
/// (as one block large enough for what was used before). Large blocks lie on huge pages. Single
/// thread.
class Workspace {
 public:
  Workspace() = default;
  Workspace(Workspace&&) noexcept = default;
  Workspace& operator=(Workspace&&) noexcept = default;

  /// Uninitialised; 64-byte aligned.
  void* Allocate(size_t bytes);
  float* Floats(int64_t n) { return static_cast<float*>(Allocate(static_cast<size_t>(n) * 4)); }
  /// [rows, cols], uninitialised.
  Matrix NewMatrix(int64_t rows, int64_t cols) { return {Floats(rows * cols), rows, cols}; }
  /// Frees nothing but what was cut in several blocks; never allocates.
  void Reset() noexcept;
  /// Bytes held.
  size_t capacity_bytes() const { return capacity_; }

 private:
  struct Block {
    std::shared_ptr<std::byte> data;
    size_t size = 0;
  };
  static Block NewBlock(size_t size);

  std::vector<Block> blocks_;  // the last one is in use
  size_t used_ = 0;            // bytes of the last block
  size_t capacity_ = 0;        // bytes of all blocks
  size_t next_block_ = 0;      // least bytes of the next block: what one pass needed
};

}  // namespace bge

#endif  // BGE_TENSOR_WORKSPACE_H_
