// Linear layers: oneDNN's sgemm on the weight as PyTorch stores it, [N, K].
//
// Nothing is packed: with AVX2, sgemm on [N, K] came within 3 % of the packed forms from 64 rows of
// x up (measured in November 2026), so a float32 weight is multiplied where the model file is
// mapped. Fewer than kSgemmRows rows of x go to MultiplyRows: sgemm is slower there, and with one
// row it takes another code path whose results differ by 3e-6.
//
// oneDNN's own OpenMP threads are never used: a team once made hangs a forked child, and each
// calling thread would make one of its own. Our pool cuts the product instead.
#include "hwy/aligned_allocator.h"
#include "kernels/cpu/dot_products.h"
#include "kernels/cpu/ops.h"
#include "oneapi/dnnl/dnnl.h"

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

// Of the OpenMP runtime that libdnnl is linked to. Weak: a build of oneDNN with other threads has
// none.
extern "C" {
int omp_get_max_threads() __attribute__((weak));
void omp_set_num_threads(int threads) __attribute__((weak));
}

namespace bge::cpu {

namespace {

constexpr int64_t kSgemmRows = 32;

// While it lives, parallel regions that this thread begins have one thread. The setting is the
// thread's own, so the caller's is put back.
class OneOpenMpThread {
 public:
  OneOpenMpThread() {
    if (omp_get_max_threads == nullptr || omp_set_num_threads == nullptr) return;
    before_ = omp_get_max_threads();
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    if (before_ > 1) omp_set_num_threads(before_);
  }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  int before_ = 1;
};

class CpuLinear : public PreparedLinear {
 public:
  explicit CpuLinear(ConstMatrix in_place) : weight_(in_place) {}
  CpuLinear(hwy::AlignedFreeUniquePtr<float[]> owned, int64_t n, int64_t k)
      : owned_(std::move(owned)), weight_(owned_.get(), n, k) {}

  int64_t in_features() const override { return weight_.cols; }
  int64_t out_features() const override { return weight_.rows; }
  size_t owned_bytes() const override {
    return owned_ == nullptr ? 0 : static_cast<size_t>(weight_.rows * weight_.cols) * sizeof(float);
  }
  ConstMatrix weight() const { return weight_; }

 private:
  hwy::AlignedFreeUniquePtr<float[]> owned_;
  ConstMatrix weight_;  // [N, K]
};

// On the calling thread.
void Multiply(ConstMatrix x, ConstMatrix w, Matrix y) {
  if (x.rows == 0 || w.rows == 0) return;
  if (x.rows < kSgemmRows || w.rows == 1 || w.cols == 0) {
    MultiplyRows(x, w, y);
    return;
  }
  const OneOpenMpThread one_thread;
  const dnnl_status_t status = dnnl_sgemm('N', 'T', x.rows, w.rows, x.cols, 1.0f, x.data, x.stride,
                                          w.data, w.stride, 0.0f, y.data, y.stride);
  if (status != dnnl_success) {
    Fail(ErrorCode::kInternal, "matrix multiplication failed",
         "dnnl_sgemm returned status " + std::to_string(status) + " for M " +
             std::to_string(x.rows) + ", N " + std::to_string(w.rows) + ", K " +
             std::to_string(x.cols),
         "report this with the version of oneDNN");
  }
}

}  // namespace

std::unique_ptr<const PreparedLinear> PrepareLinear(std::span<const TensorView> parts) {
  BGE_CHECK(!parts.empty());
  const int64_t k = parts[0].shape[1];
  int64_t n = 0;
  for (const TensorView& part : parts) {
    BGE_CHECK(part.shape.rank() == 2 && part.shape[1] == k);
    n += part.shape[0];
  }
  const bool aligned = reinterpret_cast<uintptr_t>(parts[0].data) % alignof(float) == 0;
  if (parts.size() == 1 && parts[0].dtype == DType::kF32 && aligned) {
    return std::make_unique<CpuLinear>(ConstMatrix(static_cast<const float*>(parts[0].data), n, k));
  }
  auto owned = hwy::AllocateAligned<float>(static_cast<size_t>(std::max<int64_t>(n * k, 1)));
  if (owned == nullptr) throw std::bad_alloc();
  float* to = owned.get();
  for (const TensorView& part : parts) {
    ConvertToFloat(part, to);
    to += part.shape.num_elements();
  }
  return std::make_unique<CpuLinear>(std::move(owned), n, k);
}

void Linear(const OpContext& context, ConstMatrix x, const PreparedLinear& prepared, Matrix y) {
  const ConstMatrix w = static_cast<const CpuLinear&>(prepared).weight();
  BGE_DCHECK(x.cols == w.cols && y.cols == w.rows && x.rows == y.rows);
  // Rows are cut where each thread gets enough of them: it then reads its own part of x and all of
  // W. Otherwise columns, in whole cache lines of y.
  constexpr int64_t kRowsEach = 64;
  if (x.rows >= kRowsEach * context.pool.available_threads()) {
    context.pool.ParallelFor(x.rows, kRowsEach, [&](int64_t begin, int64_t end) {
      const int64_t n = end - begin;
      Multiply(x.Rows(begin, n), w, y.Rows(begin, n));
    });
    return;
  }
  constexpr int64_t kColumnStep = 16;
  constexpr int64_t kWorthSharing = 400'000;  // multiply-adds for each thread: about 10 us
  const int64_t steps = (w.rows + kColumnStep - 1) / kColumnStep;
  const int64_t grain = 1 + kWorthSharing / (x.rows * x.cols * kColumnStep + 1);
  context.pool.ParallelFor(steps, grain, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kColumnStep;
    const int64_t n = std::min(end * kColumnStep, w.rows) - first;
    Multiply(x, w.Rows(first, n), {y.data + first, y.rows, n, y.stride});
  });
}

}  // namespace bge::cpu
