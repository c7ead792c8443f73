// y = activation(x * W^T + bias) with every dot product in double.
#include "base/numeric.h"
#include "kernels/element.h"
#include "kernels/ref/ops.h"
#include "tensor/int8_row.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace bge::ref {

namespace {

class PlainLinear : public PreparedLinear {
 public:
  PlainLinear(ComputeType type, int64_t n, int64_t k, std::vector<float> weight,
              std::map<int32_t, std::vector<float>> remainders)
      : type_(type), n_(n), k_(k), weight_(std::move(weight)), remainders_(std::move(remainders)) {}
  ComputeType type() const override { return type_; }
  int64_t in_features() const override { return k_; }
  int64_t out_features() const override { return n_; }
  size_t owned_bytes() const override { return weight_.size() * sizeof(float); }
  const float* row(int64_t n) const { return weight_.data() + n * k_; }

  /// What the outliers of a row of x add, as their columns of W are known better.
  double Correction(const RowScale& x, int64_t n) const {
    double sum = 0.0;
    for (int i = 0; i < x.num_outliers; ++i) {
      const auto found = remainders_.find(x.outliers[i].column);
      if (found == remainders_.end()) continue;
      sum += static_cast<double>(x.outliers[i].steps) * static_cast<double>(x.scale) *
             static_cast<double>(found->second[static_cast<size_t>(n)]);
    }
    return sum;
  }

 private:
  ComputeType type_;
  int64_t n_;
  int64_t k_;
  std::vector<float> weight_;  // [N, K], after the rounding that the type asks for
  // kInt8: by exact columns, [N]: what is to be added to weight_.
  std::map<int32_t, std::vector<float>> remainders_;
};

// Row n of k values to what their int8 stands for; sets [n] of the remainders.
void RoundRow(std::span<float> row, size_t n, std::map<int32_t, std::vector<float>>& remainders) {
  const auto part_columns = static_cast<size_t>(Int8PartColumns(std::ssize(row)));
  for (size_t begin = 0; begin < row.size(); begin += part_columns) {
    const std::span<float> part = row.subspan(begin, std::min(part_columns, row.size() - begin));
    const Int8Row rounded(part);
    for (auto& [column, values] : remainders) {
      const size_t at = static_cast<size_t>(column) - begin;
      if (at >= part.size()) continue;  // of another part, before this one too
      values[n] =
          static_cast<float>(rounded.Remainder(part[at])) * rounded.scale() / kRemainderSteps;
    }
    for (float& v : part) v = static_cast<float>(rounded.Round(v)) * rounded.scale();
  }
}

}  // namespace

std::unique_ptr<const PreparedLinear> PrepareLinear(std::span<const TensorView> parts,
                                                    ComputeType type,
                                                    std::span<const int32_t> exact_columns) {
  BGE_CHECK(!parts.empty());
  const int64_t k = parts[0].shape[1];
  int64_t n = 0;
  std::vector<float> weight;
  std::map<int32_t, std::vector<float>> remainders;
  for (const TensorView& part : parts) {
    BGE_CHECK(part.shape.rank() == 2 && part.shape[1] == k);
    for (int64_t i = 0; i < part.shape.num_elements(); ++i) weight.push_back(ReadElement(part, i));
    n += part.shape[0];
  }
  if (type == ComputeType::kInt8) {
    for (const int32_t column : exact_columns) {
      remainders[column].assign(static_cast<size_t>(n), 0.0f);
    }
    int64_t row = 0;
    for (const TensorView& part : parts) {
      for (const int64_t end = row + part.shape[0]; row < end; ++row) {
        if (part.dtype == DType::kI8) continue;
        RoundRow(std::span(weight).subspan(static_cast<size_t>(row * k), static_cast<size_t>(k)),
                 static_cast<size_t>(row), remainders);
      }
    }
  }
  if (type == ComputeType::kBFloat16) {
    for (float& v : weight) v = Bf16ToFloat(FloatToBf16(v));
  }
  return std::make_unique<PlainLinear>(type, n, k, std::move(weight), std::move(remainders));
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
      if (x.type == ComputeType::kInt8) sum += plain.Correction(x.scales[m], n);
      sums.row(m)[n] = static_cast<float>(sum);
    }
  }
  BiasActivation(sums, epilogue.bias, epilogue.activation);
  if (narrow) ToOperand(sums, y);
}

}  // namespace bge::ref
