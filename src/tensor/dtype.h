// The element types of stored tensors.
#ifndef BGE_TENSOR_DTYPE_H_
#define BGE_TENSOR_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bge {

enum class DType : uint8_t { kF32, kF16, kBF16 };

constexpr size_t DTypeBytes(DType dtype) { return dtype == DType::kF32 ? 4 : 2; }

/// "float32", "float16", "bfloat16"
constexpr std::string_view DTypeName(DType dtype) {
  return dtype == DType::kF32 ? "float32" : dtype == DType::kF16 ? "float16" : "bfloat16";
}

}  // namespace bge

#endif  // BGE_TENSOR_DTYPE_H_
