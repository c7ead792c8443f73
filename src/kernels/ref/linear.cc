// y = x * W^T with every dot product in double.
#include "kernels/element.h"
#include "kernels/ref/ops.h"

#include <utility>

namespace bge::ref {

namespace {

class PlainLinear : public PreparedLinear {
 public:
  PlainLinear(int64_t n, int64_t k, std::vector<float> weight)
      : n_(n), k_(k), weight_(std::move(weight)) {}
  int64_t in_features() const override { return k_; }
  int64_t out_features() const override { return n_; }
  size_t owned_bytes() const override { return weight_.size() * sizeof(float); }
  const float* row(int64_t n) const { return weight_.data() + n * k_; }

 private:
  int64_t n_;
  int64_t k_;
  std::vector<float> weight_;  // [N, K]
};

}  // namespace

std::unique_ptr<const PreparedLinear> PrepareLinear(std::span<const TensorView> parts) {
  BGE_CHECK(!parts.empty());
  const int64_t k = parts[0].shape[1];
  int64_t n = 0;
  std::vector<float> weight;
  for (const TensorView& part : parts) {
    BGE_CHECK(part.shape.rank() == 2 && part.shape[1] == k);
    n += part.shape[0];
    for (int64_t i = 0; i < part.shape.num_elements(); ++i) weight.push_back(ReadElement(part, i));
  }
  return std::make_unique<PlainLinear>(n, k, std::move(weight));
}

void Linear(ConstMatrix x, const PreparedLinear& w, Matrix y) {
  const auto& plain = static_cast<const PlainLinear&>(w);
  BGE_DCHECK(x.cols == w.in_features() && y.cols == w.out_features() && x.rows == y.rows);
  for (int64_t m = 0; m < y.rows; ++m) {
    for (int64_t n = 0; n < y.cols; ++n) {
      double sum = 0.0;
      for (int64_t k = 0; k < x.cols; ++k) {
        sum += static_cast<double>(x.row(m)[k]) * static_cast<double>(plain.row(n)[k]);
      }
      y.row(m)[n] = static_cast<float>(sum);
    }
  }
}

}  // namespace bge::ref
