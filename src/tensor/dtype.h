// The element types of stored tensors.
#ifndef BGE_TENSOR_DTYPE_H_
#define BGE_TENSOR_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bge {

enum class DType : uint8_t { kF32, kF16, kBF16, kI8 };

constexpr size_t DTypeBytes(DType dtype) {
  return dtype == DType::kF32 ? 4 : dtype == DType::kI8 ? 1 : 2;
}

/// "float32", "float16", "bfloat16", "int8"
constexpr std::string_view DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float32";
    case DType::kF16:
      return "float16";
    case DType::kBF16:
      return "bfloat16";
    case DType::kI8:
      return "int8";
  }
  return "unknown";
}

}  // namespace bge

#endif  // BGE_TENSOR_DTYPE_H_
