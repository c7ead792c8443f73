#include "kernels/cpu/packed_weights.h"

#include "base/huge_pages.h"
#include "base/numeric.h"
#include "kernels/cpu/ops.h"
#include "tensor/int8_row.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

namespace bge::cpu {

namespace {

GemmKernel KernelFor(ComputeType type) {
  switch (type) {
    case ComputeType::kFloat32:
      return Float32Kernel();
    case ComputeType::kBFloat16:
      return Bf16Kernel();
    case ComputeType::kInt8:
      return Int8Kernel();
  }
  return Float32Kernel();
}

int64_t GroupSize(ComputeType type) { return kGroupBytes / OperandElementBytes(type); }

// Copies rows [num_rows][k] to groups of `Element`: to[group][row][of the group]. Blocks of 16 k: a
// cache line of each row of floats, then whole lines of the panel.
template <typename Stored, typename Element, typename Convert>
void Interleave(const Stored* rows, int64_t num_rows, int64_t k, int64_t panel_columns,
                const Convert& convert, Element* to) {
  constexpr int64_t kGroup = kGroupBytes / sizeof(Element);
  constexpr int64_t kBlock = 16;
  for (int64_t first = 0; first < k; first += kBlock) {
    const int64_t last = std::min(first + kBlock, k);
    for (int64_t row = 0; row < num_rows; ++row) {
      const Stored* from = rows + row * k;
      for (int64_t i = first; i < last; ++i) {
        to[(i / kGroup * panel_columns + row) * kGroup + i % kGroup] = convert(from[i]);
      }
    }
  }
}

int64_t RowsOf(std::span<const TensorView> parts) {
  BGE_CHECK(!parts.empty());
  int64_t rows = 0;
  for (const TensorView& part : parts) {
    BGE_CHECK(part.shape.rank() == 2 && part.shape[1] == parts[0].shape[1]);
    rows += part.shape[0];
  }
  return rows;
}

}  // namespace

PackedWeights::PackedWeights(int64_t n, int64_t k, ComputeType type, size_t num_exact)
    : type_(type), kernel_(KernelFor(type)), n_(n), k_(k) {
  BGE_CHECK(type != ComputeType::kInt8 || k <= kMaxInt8Columns);
  BGE_CHECK(num_exact <= kMaxOutliers);
  groups_ = (k_ + GroupSize(type) - 1) / GroupSize(type);
  num_panels_ = (n_ + kernel_.panel_columns - 1) / kernel_.panel_columns;
  bytes_ = panels_bytes();
  if (type != ComputeType::kInt8) return;
  num_exact_ = num_exact;
  num_parts_ = NumInt8Parts(k_);
  part_groups_ =
      std::max<int64_t>(1, (Int8PartColumns(k_) + GroupSize(type) - 1) / GroupSize(type));
  bytes_ += static_cast<size_t>(num_parts_) * columns() * (sizeof(float) + sizeof(int32_t));
  bytes_ += num_exact * (sizeof(int32_t) + columns());
}

PackedWeights::PackedWeights(std::span<const TensorView> parts, ComputeType type,
                             std::span<const int32_t> exact_columns)
    : PackedWeights(RowsOf(parts), parts[0].shape[1], type, exact_columns.size()) {
  memory_ = AllocateOnHugePages(bytes_);
  SetMemory(memory_.get());
  if (type == ComputeType::kInt8) {
    PackInt8(parts, exact_columns);
  } else {
    PackFloats(parts);
  }
}

std::unique_ptr<const PackedWeights> PackedWeights::FromMemory(
    std::span<const std::byte> memory, int64_t n, int64_t k, ComputeType type,
    std::span<const int32_t> exact_columns) {
  auto weights =
      std::unique_ptr<PackedWeights>(new PackedWeights(n, k, type, exact_columns.size()));
  if (memory.size() != weights->bytes_) return nullptr;
  BGE_CHECK(reinterpret_cast<uintptr_t>(memory.data()) % 64 == 0);
  weights->SetMemory(memory.data());
  if (weights->num_exact_ > 0 && !std::ranges::equal(weights->exact_columns(), exact_columns)) {
    return nullptr;
  }
  return weights;
}

std::string PackedWeights::LayoutName(ComputeType type) {
  // The number counts changes of the type's format.
  return "panels " + std::string(type == ComputeType::kInt8 ? "3" : "1") + ": " +
         std::to_string(KernelFor(type).panel_columns) + " columns, " +
         std::to_string(OperandElementBytes(type)) + " bytes a number";
}

void PackedWeights::SetMemory(const std::byte* memory) {
  panels_ = memory;
  if (type_ != ComputeType::kInt8) return;
  scales_ = reinterpret_cast<const float*>(memory + panels_bytes());
  const size_t all = static_cast<size_t>(num_parts_) * columns();
  sums_ = reinterpret_cast<const int32_t*>(scales_ + all);
  exact_columns_ = sums_ + all;
  remainders_ = reinterpret_cast<const int8_t*>(exact_columns_ + num_exact_);
}

void PackedWeights::PackFloats(std::span<const TensorView> parts) {
  // Rows of W one panel at a time, as floats: where they lie, if that is whole and aligned.
  std::vector<float> buffer;
  size_t part = 0;
  int64_t row = 0;  // of the part
  for (int64_t i = 0; i < num_panels_; ++i) {
    const int64_t wanted = std::min(kernel_.panel_columns, n_ - i * kernel_.panel_columns);
    while (row == parts[part].shape[0]) ++part, row = 0;
    const TensorView& source = parts[part];
    const bool aligned = reinterpret_cast<uintptr_t>(source.data) % alignof(float) == 0;
    if (source.dtype == DType::kF32 && aligned && source.shape[0] - row >= wanted) {
      PackPanel(i, static_cast<const float*>(source.data) + row * k_, wanted);
      row += wanted;
      continue;
    }
    buffer.resize(static_cast<size_t>(wanted * k_));
    for (int64_t have = 0; have < wanted;) {
      while (row == parts[part].shape[0]) ++part, row = 0;
      const int64_t take = std::min(parts[part].shape[0] - row, wanted - have);
      ConvertToFloat(parts[part], row * k_, take * k_, buffer.data() + have * k_);
      have += take;
      row += take;
    }
    PackPanel(i, buffer.data(), wanted);
  }
}

// Rows are taken as they are stored where that is int8, else rounded.
void PackedWeights::PackInt8(std::span<const TensorView> parts,
                             std::span<const int32_t> exact_columns) {
  const int64_t columns = kernel_.panel_columns;
  auto* const scales = reinterpret_cast<float*>(memory_.get() + panels_bytes());
  const size_t all = static_cast<size_t>(num_parts_) * this->columns();
  auto* const sums = reinterpret_cast<int32_t*>(scales + all);
  std::fill_n(scales, all, 0.0f);
  std::fill_n(sums, all, 0);
  auto* const exact = std::copy_n(exact_columns.begin(), num_exact_, sums + all);
  auto* const remainders = reinterpret_cast<int8_t*>(exact);
  std::fill_n(remainders, num_exact_ * this->columns(), int8_t{0});
  std::vector<float> floats(static_cast<size_t>(k_));
  std::vector<int8_t> panel(static_cast<size_t>(std::min(columns, n_) * k_));
  int64_t n = 0;  // of W
  for (const TensorView& part : parts) {
    for (int64_t row = 0; row < part.shape[0]; ++row, ++n) {
      int8_t* to = panel.data() + n % columns * k_;
      const bool is_int8 = part.dtype == DType::kI8;
      if (is_int8) {
        std::copy_n(static_cast<const int8_t*>(part.data) + row * k_, k_, to);
      } else {
        ConvertToFloat(part, row * k_, k_, floats.data());
      }
      for (int64_t p = 0; p < num_parts_; ++p) {
        const int64_t begin = p * Int8PartColumns(k_);
        const int64_t count = std::min(Int8PartColumns(k_), k_ - begin);
        const auto at = static_cast<size_t>(p) * this->columns() + static_cast<size_t>(n);
        if (is_int8) {
          scales[at] = part.ScaleOfRow(row);
        } else {
          const float* const from = floats.data() + begin;
          const Int8Row rounded({from, static_cast<size_t>(count)});
          for (int64_t i = 0; i < count; ++i) to[begin + i] = rounded.Round(from[i]);
          scales[at] = rounded.scale();
          for (size_t e = 0; e < num_exact_; ++e) {
            const int64_t column = exact_columns[e] - begin;
            if (column < 0 || column >= count) continue;
            remainders[e * this->columns() + static_cast<size_t>(n)] =
                rounded.Remainder(from[column]);
          }
        }
        sums[at] = std::accumulate(to + begin, to + begin + count, int32_t{0});
      }
      const int64_t rows = n % columns + 1;
      if (rows == columns || n + 1 == n_) PackPanel(n / columns, panel.data(), rows);
    }
  }
}

template <typename Stored>
void PackedWeights::PackPanel(int64_t index, const Stored* rows, int64_t num_rows) {
  const int64_t columns = kernel_.panel_columns;
  std::byte* to = memory_.get() + index * groups_ * columns * kGroupBytes;
  if (num_rows < columns || k_ % GroupSize(type_) != 0) {
    std::memset(to, 0, static_cast<size_t>(groups_ * columns * kGroupBytes));
  }
  const auto same = [](Stored v) { return v; };
  if constexpr (std::is_same_v<Stored, int8_t>) {
    Interleave(rows, num_rows, k_, columns, same, reinterpret_cast<int8_t*>(to));
  } else if (type_ == ComputeType::kFloat32) {
    Interleave(rows, num_rows, k_, columns, same, reinterpret_cast<float*>(to));
  } else {
    Interleave(rows, num_rows, k_, columns, FloatToBf16, reinterpret_cast<uint16_t*>(to));
  }
}

}  // namespace bge::cpu
