// What linear layers multiply: rows of numbers in the format of a compute type.
#ifndef BGE_KERNELS_OPERAND_H_
#define BGE_KERNELS_OPERAND_H_

#include "bge/types.h"

#include "base/numeric.h"
#include "tensor/tensor_view.h"
#include "tensor/workspace.h"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace bge {

/// Bytes of one number of an operand.
constexpr int64_t OperandElementBytes(ComputeType type) {
  return type == ComputeType::kFloat32 ? 4 : type == ComputeType::kBFloat16 ? 2 : 1;
}

/// The longest rows whose kInt8 products a 32-bit sum holds, twice over.
inline constexpr int64_t kMaxInt8Columns = 32768;

/// The most elements of a kInt8 row that its steps need not reach.
inline constexpr int kMaxOutliers = 4;
/// The elements beyond this share of a row's largest magnitude are outliers, if they are so few.
inline constexpr float kOutlierShare = 0.25f;
/// The most steps that one element stands for: beyond, float32 would round them itself.
inline constexpr int32_t kMaxOutlierSteps = 1 << 20;

/// kInt8: an element q of a row stands for (q - zero_point) * scale, and one of the outliers, whose
/// q is the zero point, for steps * scale. A row of BERT often has a number or two ten times as
/// large as all others, always that of the first token: were the steps to reach it, they would be
/// too coarse for the others.
struct RowScale {
  struct Outlier {
    int32_t column;
    int32_t steps;
  };
  float scale;
  int32_t zero_point;
  int32_t num_outliers;
  Outlier outliers[kMaxOutliers];
};

/// Rows in somebody else's memory, in the form in which a backend multiplies them; made by
/// Backend::ToOperand or by an operation that ends in it. Row r begins at data + r * stride
/// elements: float, bfloat16 bits, or uint8_t with a scale a row.
template <typename Void, typename Float>
struct OperandView {
  using Scale = std::conditional_t<std::is_const_v<Float>, const RowScale, RowScale>;
  ComputeType type = ComputeType::kFloat32;
  Void* data = nullptr;
  Scale* scales = nullptr;  // kInt8: [rows]
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;  // elements

  OperandView() = default;
  OperandView(ComputeType t, Void* d, Scale* row_scales, int64_t r, int64_t c, int64_t s)
      : type(t), data(d), scales(row_scales), rows(r), cols(c), stride(s) {}
  /// A matrix is a float32 operand.
  OperandView(MatrixView<Float> m)  // NOLINT
      : data(m.data), rows(m.rows), cols(m.cols), stride(m.stride) {}
  OperandView(Matrix m)  // NOLINT
      requires std::is_const_v<Float> : OperandView(MatrixView<Float>(m)) {}
  /// A mutable operand is a const one.
  operator OperandView<const void, const float>() const {  // NOLINT
    return {type, data, scales, rows, cols, stride};
  }

  /// Rows [begin, begin + n).
  OperandView Rows(int64_t begin, int64_t n) const {
    using Byte = std::conditional_t<std::is_const_v<Void>, const std::byte, std::byte>;
    Byte* first = static_cast<Byte*>(data) + begin * stride * OperandElementBytes(type);
    return {type, first, scales == nullptr ? nullptr : scales + begin, n, cols, stride};
  }
  /// float32 only.
  MatrixView<Float> matrix() const {
    BGE_DCHECK(type == ComputeType::kFloat32);
    return {static_cast<Float*>(data), rows, cols, stride};
  }
};
using Operand = OperandView<void, float>;
using ConstOperand = OperandView<const void, const float>;

/// Uninitialised memory for an operand; rows begin on cache lines but for float32's.
inline Operand NewOperand(Workspace& workspace, ComputeType type, int64_t rows, int64_t cols) {
  if (type == ComputeType::kFloat32) return workspace.NewMatrix(rows, cols);
  const int64_t line = 64 / OperandElementBytes(type);
  const int64_t stride = RoundUp(cols, line);
  void* data = workspace.Allocate(static_cast<size_t>(rows * stride * OperandElementBytes(type)));
  if (type != ComputeType::kInt8) return {type, data, nullptr, rows, cols, stride};
  void* scales = workspace.Allocate(static_cast<size_t>(rows) * sizeof(RowScale));
  return {type, data, static_cast<RowScale*>(scales), rows, cols, stride};
}

}  // namespace bge

#endif  // BGE_KERNELS_OPERAND_H_
