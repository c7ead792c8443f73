// The innermost loop of linear layers: a few rows of x times one panel of columns of W.
//
// W is packed in panels of `panel_columns` columns. A panel holds, for each group of k (one
// float32, two bfloat16, four int8: always 4 bytes), the groups of its columns side by side, so
// that the loop reads it in order and multiplies whole vectors with a broadcast group of x. W's
// last panel and its last group are filled up with zeros.
//
// The kernel of an instruction set keeps rows x columns of sums in registers (gemm_tile-inl.h; AMX:
// gemm_amx-inl.h). A sum is the sum of parts of k, each one chain of multiply-adds in the order of
// k: a result depends on its row and its column alone, not on how many rows there are or on how
// threads cut them.
#ifndef BGE_KERNELS_CPU_GEMM_H_
#define BGE_KERNELS_CPU_GEMM_H_

#include "kernels/operand.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace bge::cpu {

// The widest panel of any kernel.
inline constexpr int64_t kMaxPanelColumns = 32;
// Of the most panels that are multiplied at once.
inline constexpr int64_t kMaxColumns = 2 * kMaxPanelColumns;
inline constexpr int64_t kMaxRowsAtOnce = 64;
inline constexpr int64_t kGroupBytes = 4;
// Of k, the length of a part of a float sum. Who cuts k to accumulate does so at multiples of it.
inline constexpr int64_t kSumGroups = 512;

// Of the exact columns of an int8 W (Backend::PrepareLinear), what the rounding took off.
struct Remainders {
  std::span<const int32_t> columns;  // of k, at most kMaxOutliers
  // Of columns[i], those of all panels at values + i * stride, in steps of the scale /
  // kRemainderSteps; of w's columns, as the scales are.
  const int8_t* values = nullptr;
  int64_t stride = 0;
};

// What an int8 W has beside its numbers: for each part of k (tensor/int8_row.h) and each column,
// the scale and the sum of the numbers.
struct ColumnScales {
  const float* scales = nullptr;  // part p at scales + p * stride
  const int32_t* sums = nullptr;  // likewise
  int64_t stride = 0;             // columns
  int64_t part_groups = 0;        // of k
};

// y[r][c] = (accumulate ? y[r][c] : 0) + sum over k of x[r][k] w[k][c]; int8: scale[r] times the
// sum over the parts of k of the part's sum of integers, less zero_point[r] sums[c], plus steps
// w[column][c] of the row's outliers (with w's remainder, where it is known), times scales[c].
struct PanelProduct {
  const std::byte* x;          // row r at x + r * x_stride
  int64_t x_stride;            // bytes
  int64_t rows;                // any number
  const std::byte* panel;      // [groups][panel_columns], aligned for its vectors
  int64_t panels;              // up to panels_at_once
  int64_t panel_stride;        // bytes from one to the next
  int64_t groups;              // of k
  float* y;                    // row r at y + r * y_stride
  int64_t y_stride;            // floats
  int64_t columns;             // written: up to those of the panels
  bool accumulate;             // not with int8
  const RowScale* row_scales;  // int8: [rows]
  ColumnScales column_scales;  // int8: those of all panels
  bool scale_rows = true;      // int8, of a part of k: the last, with which y is times the scale
  Remainders remainders = {};  // int8
  // W is larger than the caches, and this is the only use of the panel: fetch what lies behind into
  // the second-level cache meanwhile. With one panel.
  bool fetch_next = false;
};

struct GemmKernel {
  int64_t panel_columns = 0;
  int64_t panels_at_once = 1;  // what is fastest for many rows
  void (*multiply)(const PanelProduct& product) = nullptr;
  int64_t rows_at_once =
      48;  // likewise, at most kMaxRowsAtOnce; what follows finds them in a cache
};

// Of AMX (gemm_amx-inl.h), whose blocks have 32 rows.
inline GemmKernel AmxKernel(void (*multiply)(const PanelProduct&)) {
  return {kMaxPanelColumns, 1, multiply, kMaxRowsAtOnce};
}

// The best kernel for the instructions in use (targets.h). `multiply` is null where there is none.
GemmKernel Float32Kernel();
GemmKernel Bf16Kernel();
GemmKernel Int8Kernel();
// The largest number of an int8 row of x that Int8Kernel multiplies.
int Int8Steps();

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_GEMM_H_
