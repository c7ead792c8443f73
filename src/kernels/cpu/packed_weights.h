// The weights of linear layers as the GEMM kernels read them.
#ifndef BGE_KERNELS_CPU_PACKED_WEIGHTS_H_
#define BGE_KERNELS_CPU_PACKED_WEIGHTS_H_

#include "kernels/backend.h"
#include "kernels/cpu/gemm.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bge::cpu {

/// W as panels (gemm.h) in one block of memory. Immutable.
class PackedWeights : public PreparedLinear {
 public:
  /// In memory of its own; as PrepareLinear takes them.
  PackedWeights(std::span<const TensorView> parts, ComputeType type,
                std::span<const int32_t> exact_columns);
  /// W [n, k] in memory of somebody else, where another had it packed; null where that does not
  /// fit.
  static std::unique_ptr<const PackedWeights> FromMemory(std::span<const std::byte> memory,
                                                         int64_t n, int64_t k, ComputeType type,
                                                         std::span<const int32_t> exact_columns);

  /// The format of the memory, for the instructions in use.
  static std::string LayoutName(ComputeType type);

  ComputeType type() const override { return type_; }
  int64_t in_features() const override { return k_; }
  int64_t out_features() const override { return n_; }
  size_t owned_bytes() const override { return memory_ == nullptr ? 0 : bytes_; }
  std::span<const std::byte> packed() const override { return {panels_, bytes_}; }

  const GemmKernel& kernel() const { return kernel_; }
  int64_t groups() const { return groups_; }
  int64_t num_panels() const { return num_panels_; }
  const std::byte* panel(int64_t i) const {
    return panels_ + i * groups_ * kernel_.panel_columns * kGroupBytes;
  }
  /// kInt8: of panel i.
  ColumnScales column_scales(int64_t i) const {
    if (scales_ == nullptr) return {};
    const int64_t column = i * kernel_.panel_columns;
    return {scales_ + column, sums_ + column, static_cast<int64_t>(columns()), part_groups_};
  }
  Remainders remainders(int64_t i) const {
    if (num_exact_ == 0) return {};
    return {exact_columns(), remainders_ + i * kernel_.panel_columns,
            static_cast<int64_t>(columns())};
  }

 private:
  PackedWeights(int64_t n, int64_t k, ComputeType type, size_t num_exact);
  std::span<const int32_t> exact_columns() const { return {exact_columns_, num_exact_}; }
  size_t columns() const { return static_cast<size_t>(num_panels_ * kernel_.panel_columns); }
  size_t panels_bytes() const { return columns() * static_cast<size_t>(groups_ * kGroupBytes); }
  void SetMemory(const std::byte* memory);
  void PackFloats(std::span<const TensorView> parts);
  void PackInt8(std::span<const TensorView> parts, std::span<const int32_t> exact_columns);
  // Rows [num_rows][k]: float, or int8 for kInt8.
  template <typename Stored>
  void PackPanel(int64_t index, const Stored* rows, int64_t num_rows);

  ComputeType type_;
  GemmKernel kernel_;
  int64_t n_ = 0;
  int64_t k_ = 0;
  int64_t groups_ = 0;
  int64_t num_panels_ = 0;
  int64_t num_parts_ = 1;    // kInt8
  int64_t part_groups_ = 0;  // kInt8
  size_t num_exact_ = 0;
  size_t bytes_ = 0;
  std::shared_ptr<std::byte> memory_;       // null where it is somebody else's
  const std::byte* panels_ = nullptr;       // behind them the others, in this order
  const float* scales_ = nullptr;           // [num_parts][columns()]
  const int32_t* sums_ = nullptr;           // [num_parts][columns()]
  const int32_t* exact_columns_ = nullptr;  // [num_exact]
  const int8_t* remainders_ = nullptr;      // [num_exact][columns()]
};

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_PACKED_WEIGHTS_H_
