// Non-owning views of tensors.
#ifndef BGE_TENSOR_TENSOR_VIEW_H_
#define BGE_TENSOR_TENSOR_VIEW_H_

#include "base/error.h"
#include "tensor/dtype.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>

namespace bge {

/// Up to four dimensions.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) {
    BGE_CHECK(dims.size() <= dims_.size());
    for (int64_t d : dims) dims_[rank_++] = d;
  }
  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[static_cast<size_t>(i)]; }
  void Append(int64_t dim) {
    BGE_CHECK(rank_ < 4);
    dims_[rank_++] = dim;
  }
  /// Product of the dimensions; the maker has checked that it fits.
  int64_t num_elements() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= (*this)[i];
    return n;
  }
  /// "[384, 1536]"
  std::string ToString() const {
    std::string s = "[";
    for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string((*this)[i]);
    return s + "]";
  }
  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i) {
      if ((*this)[i] != other[i]) return false;
    }
    return true;
  }

 private:
  std::array<int64_t, 4> dims_ = {};
  uint8_t rank_ = 0;
};

/// A dense row-major tensor in somebody else's memory. `data` may be unaligned for its dtype (old
/// safetensors files): read it through kernels, which load unaligned.
struct TensorView {
  const void* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;
  /// kI8 of two dimensions: a float a row that its integers are multiplied with, unaligned too;
  /// null: 1.
  const void* row_scales = nullptr;

  size_t num_bytes() const { return static_cast<size_t>(shape.num_elements()) * DTypeBytes(dtype); }
  float ScaleOfRow(int64_t row) const {
    float scale = 1.0f;
    if (row_scales != nullptr) {
      std::memcpy(&scale, static_cast<const char*>(row_scales) + row * 4, sizeof scale);
    }
    return scale;
  }
  /// Rows [begin, begin + n) of a matrix.
  TensorView Rows(int64_t begin, int64_t n) const {
    TensorView part = *this;
    const int64_t row_bytes = shape[1] * static_cast<int64_t>(DTypeBytes(dtype));
    part.data = static_cast<const std::byte*>(data) + begin * row_bytes;
    part.shape = {n, shape[1]};
    if (row_scales != nullptr) {
      part.row_scales = static_cast<const std::byte*>(row_scales) + begin * 4;
    }
    return part;
  }
};

/// Row-major float matrix in somebody else's memory; row r begins at data + r * stride.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;  // elements

  MatrixView() = default;
  MatrixView(T* d, int64_t r, int64_t c) : data(d), rows(r), cols(c), stride(c) {}
  MatrixView(T* d, int64_t r, int64_t c, int64_t s) : data(d), rows(r), cols(c), stride(s) {}
  // A mutable view is a const view.
  operator MatrixView<const T>() const { return {data, rows, cols, stride}; }  // NOLINT

  T* row(int64_t r) const {
    BGE_DCHECK(r >= 0 && r <= rows);
    return data + r * stride;
  }
  /// Rows [begin, begin + n).
  MatrixView Rows(int64_t begin, int64_t n) const {
    return {data + begin * stride, n, cols, stride};
  }
  /// Columns [begin, begin + n).
  MatrixView Columns(int64_t begin, int64_t n) const { return {data + begin, rows, n, stride}; }
};
using ConstMatrix = MatrixView<const float>;
using Matrix = MatrixView<float>;

}  // namespace bge

#endif  // BGE_TENSOR_TENSOR_VIEW_H_
