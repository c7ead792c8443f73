// Reads one element of a stored tensor, whatever its dtype and alignment.
#ifndef BGE_KERNELS_ELEMENT_H_
#define BGE_KERNELS_ELEMENT_H_

#include "base/numeric.h"
#include "tensor/tensor_view.h"

#include <cstring>

namespace bge {

/// Element `index` of `tensor` in row-major order, as float. The floating-point types convert
/// exactly.
inline float ReadElement(const TensorView& tensor, int64_t index) {
  const char* p =
      static_cast<const char*>(tensor.data) + static_cast<size_t>(index) * DTypeBytes(tensor.dtype);
  if (tensor.dtype == DType::kF32) {
    float value;
    std::memcpy(&value, p, sizeof value);
    return value;
  }
  if (tensor.dtype == DType::kI8) {
    const auto q = static_cast<float>(*reinterpret_cast<const int8_t*>(p));
    return tensor.row_scales == nullptr ? q : q * tensor.ScaleOfRow(index / tensor.shape[1]);
  }
  uint16_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return tensor.dtype == DType::kF16 ? F16ToFloat(bits) : Bf16ToFloat(bits);
}

}  // namespace bge

#endif  // BGE_KERNELS_ELEMENT_H_
