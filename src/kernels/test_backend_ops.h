// What the conformance tests of the operations share: the backends with their variants, tables with
// guards, stored tensors, random numbers.
#ifndef BGE_KERNELS_TEST_BACKEND_OPS_H_
#define BGE_KERNELS_TEST_BACKEND_OPS_H_

#include "base/numeric.h"
#include "kernels/backend.h"
#include "kernels/cpu/targets.h"
#include "kernels/numeric_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <vector>

namespace bge {

inline constexpr uint32_t kSeed = 20260101;
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Backend, instruction set (empty: it has but one), threads.
struct Variant {
  const Backend* backend;
  std::string target;
  int threads;
};

inline std::vector<Variant> Variants() {
  std::vector<Variant> variants;
  for (const Backend* backend : AllBackends()) {
    if (backend == &ReferenceBackend()) continue;
    std::vector<std::string> targets = {""};
    if (backend == &CpuBackend()) targets = cpu::SupportedTargets();
    variants.push_back({backend, targets[0], 3});
    for (const std::string& target : targets) variants.push_back({backend, target, 1});
  }
  return variants;
}

inline std::string NameOf(const Variant& variant) {
  return std::string(variant.backend->name()) + "_" + variant.target + "_" +
         std::to_string(variant.threads) + (variant.threads == 1 ? "thread" : "threads");
}
inline std::string VariantName(const testing::TestParamInfo<Variant>& info) {
  return NameOf(info.param);
}
// For gtest, which would print the bytes of pointers: test names that change with every run.
inline void PrintTo(const Variant& variant, std::ostream* out) { *out << NameOf(variant); }

// A matrix with guards: padding behind each row that no op may write.
class Table {
 public:
  static constexpr float kGuard = 12345.5f;
  Table(int64_t rows, int64_t cols, int64_t padding = 0)
      : rows_(rows), cols_(cols), stride_(cols + padding) {
    values_.assign(static_cast<size_t>(rows_ * stride_ + 1), kGuard);
  }
  Matrix view() { return {values_.data(), rows_, cols_, stride_}; }
  std::vector<float> Dense() const {
    std::vector<float> dense;
    for (int64_t r = 0; r < rows_; ++r) {
      const float* row = values_.data() + r * stride_;
      dense.insert(dense.end(), row, row + cols_);
    }
    return dense;
  }
  bool GuardsIntact() const {
    for (size_t i = 0; i < values_.size(); ++i) {
      const auto column = static_cast<int64_t>(i) % std::max<int64_t>(stride_, 1);
      const bool guard = column >= cols_ || i + 1 == values_.size();
      if (guard && values_[i] != kGuard) return false;
    }
    return true;
  }

 private:
  int64_t rows_;
  int64_t cols_;
  int64_t stride_;
  std::vector<float> values_;
};

// A stored tensor of any dtype at any byte offset from alignment. int8: of [rows, cols]; 64ths, and
// each row with a scale of its own, so that it holds other values than these.
class Stored {
 public:
  Stored(const std::vector<float>& values, Shape shape, DType dtype, size_t offset) {
    const auto rows = static_cast<size_t>(shape[0]);
    bytes_.resize(values.size() * DTypeBytes(dtype) + offset + 8 + 4 * rows);
    // From a multiple of 8, then `offset` further.
    const size_t misfit = reinterpret_cast<uintptr_t>(bytes_.data()) % 8;
    std::byte* p = bytes_.data() + (8 - misfit) % 8 + offset;
    view_ = {.data = p, .dtype = dtype, .shape = shape};
    if (dtype == DType::kI8) {
      StoreInt8(values, p, rows);
      return;
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const uint32_t bits = std::bit_cast<uint32_t>(values[i]);
      if (dtype == DType::kF32) {
        std::memcpy(p + 4 * i, &bits, 4);
      } else {
        // bfloat16 by truncation; float16 only for values that it holds (exponents -14 to 15).
        const auto half = static_cast<uint16_t>(
            dtype == DType::kBF16
                ? bits >> 16
                : ((bits >> 16) & 0x8000u) |
                      (values[i] == 0.0f ? 0u : ((bits >> 13) & 0x3ffffu) - (112u << 10)));
        std::memcpy(p + 2 * i, &half, 2);
      }
    }
  }
  const TensorView& view() const { return view_; }

 private:
  void StoreInt8(const std::vector<float>& values, std::byte* p, size_t rows) {
    std::byte* scales = p + values.size();  // as unaligned as the data
    view_.row_scales = scales;
    for (size_t i = 0; i < values.size(); ++i) {
      p[i] = static_cast<std::byte>(static_cast<int8_t>(values[i] * 64.0f));
    }
    for (size_t r = 0; r < rows; ++r) {
      const float scale = static_cast<float>(r % 5) / 300.0f;  // of row 0: zero
      std::memcpy(scales + 4 * r, &scale, 4);
    }
  }

  std::vector<std::byte> bytes_;
  TensorView view_;
};

// The number that element [row, col] of a bfloat16 or int8 operand stands for.
inline float OperandValue(const ConstOperand& x, int64_t row, int64_t col) {
  const int64_t at = row * x.stride + col;
  if (x.type == ComputeType::kBFloat16) {
    return Bf16ToFloat(static_cast<const uint16_t*>(x.data)[at]);
  }
  const RowScale scale = x.scales[row];
  int32_t steps = static_cast<const uint8_t*>(x.data)[at] - scale.zero_point;
  for (int i = 0; i < scale.num_outliers; ++i) {
    if (scale.outliers[i].column == col) steps += scale.outliers[i].steps;
  }
  return scale.scale * static_cast<float>(steps);
}

inline void ExpectSameOperand(const ConstOperand& actual, const ConstOperand& expected) {
  for (int64_t r = 0; r < expected.rows; ++r) {
    const auto bytes = static_cast<size_t>(expected.cols * OperandElementBytes(expected.type));
    EXPECT_EQ(std::memcmp(actual.Rows(r, 1).data, expected.Rows(r, 1).data, bytes), 0) << r;
    if (expected.type != ComputeType::kInt8) continue;
    EXPECT_EQ(actual.scales[r].scale, expected.scales[r].scale) << r;
    EXPECT_EQ(actual.scales[r].zero_point, expected.scales[r].zero_point) << r;
    ASSERT_EQ(actual.scales[r].num_outliers, expected.scales[r].num_outliers) << r;
    for (int i = 0; i < expected.scales[r].num_outliers; ++i) {
      EXPECT_EQ(actual.scales[r].outliers[i].column, expected.scales[r].outliers[i].column) << r;
      EXPECT_EQ(actual.scales[r].outliers[i].steps, expected.scales[r].outliers[i].steps) << r;
    }
  }
}

class BackendOps : public testing::TestWithParam<Variant> {
 protected:
  BackendOps() : pool_(GetParam().threads), random_(kSeed) {
    if (!GetParam().target.empty()) {
      EXPECT_TRUE(cpu::ForceTarget(GetParam().target));
    }
  }
  ~BackendOps() override { cpu::ForceTarget(""); }

  const Backend& backend() const { return *GetParam().backend; }
  OpContext context() { return {pool_, workspace_}; }

  std::vector<float> Normal(int64_t n, float deviation = 1.0f) {
    std::normal_distribution<float> normal(0.0f, deviation);
    std::vector<float> values(static_cast<size_t>(n));
    for (float& v : values) v = normal(random_);
    return values;
  }
  Table NormalTable(int64_t rows, int64_t cols, int64_t padding = 0, float deviation = 1.0f) {
    Table table(rows, cols, padding);
    for (int64_t r = 0; r < rows; ++r) {
      const std::vector<float> row = Normal(cols, deviation);
      std::copy(row.begin(), row.end(), table.view().row(r));
    }
    return table;
  }
  // Values with short mantissas and middling exponents: all three dtypes hold them exactly.
  std::vector<float> Coarse(int64_t n) {
    std::uniform_int_distribution<int> integer(-100, 100);
    std::vector<float> values(static_cast<size_t>(n));
    for (float& v : values) v = static_cast<float>(integer(random_)) / 64.0f;
    return values;
  }

  static void ExpectClose(const Table& actual, const Table& expected, double abs_tolerance,
                          double rel_tolerance) {
    EXPECT_TRUE(actual.GuardsIntact()) << "wrote outside of its output";
    const std::vector<float> a = actual.Dense();
    const std::vector<float> e = expected.Dense();
    const Difference difference = Compare(a, e, abs_tolerance, rel_tolerance);
    EXPECT_EQ(difference.offenders, 0) << difference.ToString();
  }

  ThreadPool pool_;
  Workspace workspace_;
  std::mt19937 random_;
};

// Offsets of sequences of these lengths.
inline std::vector<int32_t> Cumulate(const std::vector<int32_t>& seqlens) {
  std::vector<int32_t> cu_seqlens = {0};
  for (const int32_t s : seqlens) cu_seqlens.push_back(cu_seqlens.back() + s);
  return cu_seqlens;
}

}  // namespace bge

#endif  // BGE_KERNELS_TEST_BACKEND_OPS_H_
