// Linear layers: loops over panels of W and blocks of rows around the GEMM kernels.
//
// Each panel of W is read once for a chunk of rows: from the second-level cache, where a block of
// it (at most kMaxPanelBytes) stays. What follows the product (bias, activation, a narrower format
// for the next layer) is done to the kernel's rows_at_once, while they are in a near cache.
#include "base/numeric.h"
#include "kernels/cpu/ops.h"
#include "kernels/cpu/packed_weights.h"
#include "kernels/cpu/scratch.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace bge::cpu {

namespace {

// Up to so many, W is what takes time to come.
constexpr int64_t kFewRows = 24;
// Panels of more are cut along k, so that half of a 512 KB cache holds a part.
constexpr int64_t kMaxPanelBytes = 256 * 1024;

int64_t PanelsAtOnce(int64_t rows, const PackedWeights& w) {
  return rows > kFewRows ? w.kernel().panels_at_once : 1;
}

// Columns of panels [first, last) of y = activation(x W^T + bias), y float32.
class Product {
 public:
  Product(const ConstOperand& x, const PackedWeights& w, const Epilogue& epilogue,
          Accuracy accuracy)
      : x_(x), w_(w), epilogue_(epilogue), accuracy_(accuracy), fetch_next_(x.rows <= kFewRows) {}

  // y: all columns of W.
  void Run(int64_t first_panel, int64_t last_panel, Matrix y) const {
    const bool whole = x_.type == ComputeType::kInt8;  // its sums are integers until the end
    const int64_t most = PanelsAtOnce(x_.rows, w_) * PanelBytes();
    const int64_t blocks =
        whole ? 1 : std::max<int64_t>(1, (most + kMaxPanelBytes - 1) / kMaxPanelBytes);
    // What is activated lies in a tile until then: rows of y, which are far apart, would push each
    // other out of the first-level cache, as many of them share its sets.
    if (blocks == 1 && HasEpilogue()) {
      ForEachTile(first_panel, last_panel, [&](int64_t r, int64_t column, ConstMatrix tile) {
        Finish(tile, column, y.Rows(r, tile.rows).Columns(column, tile.cols));
      });
      return;
    }
    ForEachStrip(first_panel, last_panel, [&](const Strip& strip) {
      for (int64_t b = 0; b < blocks; ++b) {
        const int64_t begin = CutGroups(b, blocks);
        const int64_t end = CutGroups(b + 1, blocks);
        for (int64_t r = 0; r < x_.rows; r += RowsAtOnce()) {
          const int64_t rows = std::min(RowsAtOnce(), x_.rows - r);
          const Matrix part(y.row(r) + strip.column, rows, strip.columns, y.stride);
          Multiply(strip, begin, end, r, part);
          if (b + 1 == blocks && HasEpilogue()) Finish(part, strip.column, part);
        }
      }
    });
  }

  // As Run, with a result of the format `y` has (bfloat16).
  void RunNarrow(int64_t first_panel, int64_t last_panel, const Operand& y) const {
    ForEachTile(first_panel, last_panel, [&](int64_t r, int64_t column, ConstMatrix tile) {
      ActivateColumns(tile, Bias(column), epilogue_.activation, y.Rows(r, tile.rows), column);
    });
  }

  // Calls function(row, column, tile) for pieces of x W^T, in order of their rows for each column.
  template <typename Function>
  void ForEachTile(int64_t first_panel, int64_t last_panel, const Function& function) const {
    alignas(64) float tile[kMaxRowsAtOnce * kMaxColumns];
    ForEachStrip(first_panel, last_panel, [&](const Strip& strip) {
      for (int64_t r = 0; r < x_.rows; r += RowsAtOnce()) {
        const int64_t rows = std::min(RowsAtOnce(), x_.rows - r);
        const Matrix part(tile, rows, strip.columns, kMaxColumns);
        Multiply(strip, 0, w_.groups(), r, part);
        function(r, strip.column, part);
      }
    });
  }

 private:
  // Panels that are multiplied at once, and the columns of y that they make.
  struct Strip {
    int64_t first;
    int64_t panels;
    int64_t column;
    int64_t columns;
  };

  int64_t RowsAtOnce() const { return w_.kernel().rows_at_once; }

  // Where part b of k begins.
  int64_t CutGroups(int64_t b, int64_t parts) const {
    return b == parts ? w_.groups() : b * w_.groups() / parts / kSumGroups * kSumGroups;
  }

  int64_t PanelBytes() const { return w_.groups() * w_.kernel().panel_columns * kGroupBytes; }

  template <typename Function>
  void ForEachStrip(int64_t first, int64_t last, const Function& function) const {
    const int64_t width = w_.kernel().panel_columns;
    const int64_t most = PanelsAtOnce(x_.rows, w_);
    for (int64_t p = first; p < last; p += most) {
      const int64_t panels = std::min(most, last - p);
      const int64_t column = p * width;
      function(Strip{p, panels, column, std::min(panels * width, w_.out_features() - column)});
    }
  }

  // Groups [begin, end) of k; rows from r on.
  void Multiply(const Strip& strip, int64_t begin, int64_t end, int64_t r, Matrix y) const {
    const int64_t bytes = OperandElementBytes(x_.type);
    const auto* x = static_cast<const std::byte*>(x_.data);
    w_.kernel().multiply(
        {.x = x + r * x_.stride * bytes + begin * kGroupBytes,
         .x_stride = x_.stride * bytes,
         .rows = y.rows,
         .panel = w_.panel(strip.first) + begin * w_.kernel().panel_columns * kGroupBytes,
         .panels = strip.panels,
         .panel_stride = PanelBytes(),
         .groups = end - begin,
         .y = y.data,
         .y_stride = y.stride,
         .columns = y.cols,
         .accumulate = begin > 0,
         .row_scales = x_.scales == nullptr ? nullptr : x_.scales + r,
         .column_scales = w_.column_scales(strip.first),
         .remainders = w_.remainders(strip.first),
         .fetch_next = fetch_next_});
  }

  bool HasEpilogue() const {
    return !epilogue_.bias.empty() || epilogue_.activation != Activation::kIdentity;
  }

  // y = activation(sums + bias), of columns from `column` on.
  void Finish(ConstMatrix sums, int64_t column, Matrix y) const {
    Activate(sums, Bias(column), epilogue_.activation, accuracy_, y);
  }

  // From a column on; null without.
  const float* Bias(int64_t column) const {
    return epilogue_.bias.empty() ? nullptr : epilogue_.bias.data() + column;
  }

  const ConstOperand& x_;
  const PackedWeights& w_;
  const Epilogue& epilogue_;
  Accuracy accuracy_;
  bool fetch_next_;
};

// Shares W's panels between the threads: calls function(first, last) for runs of them.
template <typename Function>
void SharePanels(const OpContext& context, int64_t rows, const PackedWeights& w,
                 const Function& function) {
  constexpr int64_t kWorthSharing = 400'000;  // multiply-adds for each thread: a few us
  // Many rows take several panels at once, where that leaves some for every thread.
  const int64_t at_once = PanelsAtOnce(rows, w);
  const int64_t unit = w.num_panels() >= context.pool.available_threads() * at_once ? at_once : 1;
  const int64_t units = (w.num_panels() + unit - 1) / unit;
  const int64_t work = rows * w.in_features() * w.kernel().panel_columns * unit;
  context.pool.ParallelFor(units, 1 + kWorthSharing / (work + 1), [&](int64_t begin, int64_t end) {
    function(begin * unit, std::min(end * unit, w.num_panels()));
  });
}

// Of the calling thread, until its next call. Rows are an odd number of cache lines apart: tiles of
// them take turns in all sets of a cache.
Matrix Scratch(int64_t rows, int64_t cols) {
  thread_local FloatScratch scratch;
  constexpr int64_t kLine = 16;  // floats
  const int64_t stride = (RoundUp(cols, kLine) / kLine | 1) * kLine;
  return {scratch.Floats(static_cast<size_t>(rows * stride)), rows, cols, stride};
}

}  // namespace

std::unique_ptr<const PreparedLinear> PrepareLinear(std::span<const TensorView> parts,
                                                    ComputeType type,
                                                    std::span<const int32_t> exact_columns) {
  return std::make_unique<PackedWeights>(parts, type, exact_columns);
}

std::string PackedLayout(ComputeType type) { return PackedWeights::LayoutName(type); }

std::unique_ptr<const PreparedLinear> FromPacked(std::span<const std::byte> memory, int64_t n,
                                                 int64_t k, ComputeType type,
                                                 std::span<const int32_t> exact_columns) {
  return PackedWeights::FromMemory(memory, n, k, type, exact_columns);
}

void Linear(const OpContext& context, const ConstOperand& x, const PreparedLinear& prepared,
            const Epilogue& epilogue, const Operand& y) {
  const auto& w = static_cast<const PackedWeights&>(prepared);
  BGE_DCHECK(x.type == w.type() && x.cols == w.in_features());
  BGE_DCHECK(y.cols == w.out_features() && x.rows == y.rows);
  if (x.rows == 0) return;

  // Quantised results: floats first, as a row's scale needs all of it.
  const bool quantized = y.type == ComputeType::kInt8;
  const Accuracy accuracy =
      y.type == ComputeType::kFloat32 ? Accuracy::kFloat32 : Accuracy::kNarrow;
  const auto multiply = [&](const ConstOperand& rows, const Operand& out, int64_t first,
                            int64_t last) {
    const Product product(rows, w, epilogue, accuracy);
    if (out.type == ComputeType::kBFloat16) {
      product.RunNarrow(first, last, out);
    } else {
      product.Run(first, last, out.matrix());
    }
  };

  // Rows are cut where each thread gets enough of them: it then reads its own part of x and all of
  // W. Otherwise columns, in whole panels.
  constexpr int64_t kRowsEach = 64;
  const int64_t threads = context.pool.available_threads();
  if (threads == 1 || x.rows >= kRowsEach * threads) {
    // Where the result is quantised by whole rows, it is kept as floats for these.
    const int64_t block = quantized ? w.kernel().rows_at_once : x.rows;
    const int64_t share = (x.rows + threads - 1) / threads;
    context.pool.ParallelFor(threads, 1, [&](int64_t first, int64_t last) {
      for (int64_t t = first; t < last; ++t) {
        const int64_t end = std::min(x.rows, (t + 1) * share);
        for (int64_t r = t * share; r < end; r += block) {
          const int64_t n = std::min(block, end - r);
          if (quantized) {
            const Matrix floats = Scratch(n, y.cols);
            multiply(x.Rows(r, n), floats, 0, w.num_panels());
            NarrowRows(floats, y.Rows(r, n));
          } else {
            multiply(x.Rows(r, n), y.Rows(r, n), 0, w.num_panels());
          }
        }
      }
    });
    return;
  }
  const Operand floats = quantized ? Operand(Scratch(x.rows, y.cols)) : y;
  SharePanels(context, x.rows, w,
              [&](int64_t first, int64_t last) { multiply(x, floats, first, last); });
  if (quantized) ToOperand(context, floats.matrix(), y);
}

void PooledLinear(const OpContext& context, const ConstOperand& x, const PreparedLinear& prepared,
                  std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                  TermPooling pooling, Matrix out) {
  const auto& w = static_cast<const PackedWeights&>(prepared);
  BGE_DCHECK(x.type == w.type() && x.cols == w.in_features() && out.cols == w.out_features());
  const float nothing =
      pooling == TermPooling::kMax ? -std::numeric_limits<float>::infinity() : 0.0f;
  const Epilogue none;
  const Product product(x, w, none, Accuracy::kFloat32);
  SharePanels(context, x.rows, w, [&](int64_t first, int64_t last) {
    const int64_t begin = first * w.kernel().panel_columns;
    const int64_t end = std::min(last * w.kernel().panel_columns, out.cols);
    for (int64_t n = 0; n < out.rows; ++n) {
      std::fill(out.row(n) + begin, out.row(n) + end, nothing);
    }
    product.ForEachTile(first, last, [&](int64_t r, int64_t column, ConstMatrix tile) {
      // The sequences that the rows of the tile are of.
      auto next = std::upper_bound(cu_seqlens.begin(), cu_seqlens.end(), r);
      for (int64_t row = 0; row < tile.rows; ++next) {
        const int64_t stop = std::min<int64_t>(*next - r, tile.rows);
        PoolTerms(tile.Rows(row, stop - row), bias.empty() ? nullptr : bias.data() + column,
                  pooling, out.row(next - cu_seqlens.begin() - 1) + column);
        row = stop;
      }
    });
  });
}

}  // namespace bge::cpu
