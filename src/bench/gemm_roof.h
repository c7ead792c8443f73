// How fast Backend::Linear multiplies at the shapes of a BERT, without anything between.
#ifndef BGE_BENCH_GEMM_ROOF_H_
#define BGE_BENCH_GEMM_ROOF_H_

#include "base/parallel.h"
#include "kernels/backend.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bge {

inline constexpr std::array<std::string_view, 4> kGemmNames = {"qkv", "output", "ffn_up",
                                                               "ffn_down"};

/// GFLOP/s, two operations for a multiply-add.
struct GemmRate {
  std::array<double, 4> each = {};  ///< in the order of kGemmNames
  double all = 0;                   ///< of the four together, as a layer computes them
};

/// The four products of a transformer layer with weights of its own. Single thread.
class GemmRoof {
 public:
  /// The layer's weights are made several times over, so that fewer rows read them from where a
  /// whole model's weights are: they have 80 MB of float32 together.
  GemmRoof(const Backend& backend, ComputeType type, int64_t hidden_size,
           int64_t intermediate_size);

  /// x has `rows` rows; all threads of the pool share each product, as they do with one text.
  GemmRate Shared(ThreadPool& pool, int64_t rows);
  /// Each thread multiplies `rows` rows of its own, as it does with many texts.
  GemmRate SideBySide(ThreadPool& pool, int64_t rows);

 private:
  struct Product {
    int64_t n = 0;
    int64_t k = 0;
    std::vector<std::vector<float>> weights;  // [layers][n, k]
    std::vector<std::unique_ptr<const PreparedLinear>> prepared;
  };
  void MakeRoom(int64_t rows);
  GemmRate Rate(double rows, const std::array<double, 4>& seconds) const;
  // The number of layers whose weights are used in turn with so many rows.
  int64_t LayersFor(int64_t rows) const;
  // x_ in the format of the type, as [rows, product.k].
  ConstOperand InputOf(const Product& product, const OpContext& context, int64_t rows);

  const Backend& backend_;
  const ComputeType type_;
  std::array<Product, 4> products_;
  int64_t widest_in_ = 0;
  int64_t widest_out_ = 0;
  std::vector<float> x_;
  std::vector<float> y_;
};

}  // namespace bge

#endif  // BGE_BENCH_GEMM_ROOF_H_
