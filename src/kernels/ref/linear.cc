// y = activation(x * W^T + bias) with every dot product in double.
#include "base/numeric.h"
#include "kernels/element.h"
#include "kernels/ref/ops.h"
#include "tensor/int8_row.h"

#include <utility>

namespace bge::ref {

namespace {

class PlainLinear : public PreparedLinear {
 public:
  PlainLinear(ComputeType type, int64_t n, int64_t k, std::vector<float> weight)
      : type_(type), n_(n), k_(k), weight_(std::move(weight)) {}
  ComputeType type() const override { return type_; }
  int64_t in_features() const override { return k_; }
  int64_t out_features() const override { return n_; }
  size_t owned_bytes() const override { return weight_.size() * sizeof(float); }
  const float* row(int64_t n) const { return weight_.data() + n * k_; }

 private:
  ComputeType type_;
  int64_t n_;
  int64_t k_;
  std::vector<float> weight_;  // [N, K], after the rounding that the type asks for
};

// Rows of k values to what their int8 stands for.
void RoundRows(std::span<float> weight, int64_t k) {
  for (; !weight.empty(); weight = weight.subspan(static_cast<size_t>(k))) {
    const auto row = weight.first(static_cast<size_t>(k));
    const Int8Row rounded(row);
    for (float& v : row) v = static_cast<float>(rounded.Round(v)) * rounded.scale();
  }
}

}  // namespace

std::unique_ptr<const PreparedLinear> PrepareLinear(std::span<const TensorView> parts,
                                                    ComputeType type) {
  BGE_CHECK(!parts.empty());
  const int64_t k = parts[0].shape[1];
  int64_t n = 0;
  std::vector<float> weight;
  for (const TensorView& part : parts) {
    BGE_CHECK(part.shape.rank() == 2 && part.shape[1] == k);
    n += part.shape[0];
    const size_t first = weight.size();
    for (int64_t i = 0; i < part.shape.num_elements(); ++i) weight.push_back(ReadElement(part, i));
    if (type == ComputeType::kInt8 && part.dtype != DType::kI8) {
      RoundRows(std::span(weight).subspan(first), k);
    }
  }
  if (type == ComputeType::kBFloat16) {
    for (float& v : weight) v = Bf16ToFloat(FloatToBf16(v));
  }
  return std::make_unique<PlainLinear>(type, n, k, std::move(weight));
}

void Linear(const ConstOperand& x, const PreparedLinear& w, const Epilogue& epilogue,
            const Operand& y) {
  const auto& plain = static_cast<const PlainLinear&>(w);
  BGE_DCHECK(x.type == w.type() && x.cols == w.in_features());
  BGE_DCHECK(y.cols == w.out_features() && x.rows == y.rows);
  Workspace workspace;
  const bool narrow = y.type != ComputeType::kFloat32;
  const Matrix sums = narrow ? workspace.NewMatrix(y.rows, y.cols) : y.matrix();
  for (int64_t m = 0; m < y.rows; ++m) {
    for (int64_t n = 0; n < y.cols; ++n) {
      double sum = 0.0;
      for (int64_t k = 0; k < x.cols; ++k) {
        sum += static_cast<double>(OperandValue(x, m, k)) * static_cast<double>(plain.row(n)[k]);
      }
      sums.row(m)[n] = static_cast<float>(sum);
    }
  }
  BiasActivation(sums, epilogue.bias, epilogue.activation);
  if (narrow) ToOperand(sums, y);
}

}  // namespace bge::ref
