#include "kernels/cpu/packed_weights.h"

#include "base/numeric.h"
#include "kernels/cpu/ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
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

// Copies rows [num_rows][k] of floats to groups of `Element`: to[group][row][of the group]. Blocks
// of 16 k: a cache line of each row, then whole lines of the panel.
template <typename Element, typename Convert>
void Interleave(const float* rows, int64_t num_rows, int64_t k, int64_t panel_columns,
                const Convert& convert, Element* to) {
  constexpr int64_t kGroup = kGroupBytes / sizeof(Element);
  constexpr int64_t kBlock = 16;
  for (int64_t first = 0; first < k; first += kBlock) {
    const int64_t last = std::min(first + kBlock, k);
    for (int64_t row = 0; row < num_rows; ++row) {
      const float* from = rows + row * k;
      for (int64_t i = first; i < last; ++i) {
        to[(i / kGroup * panel_columns + row) * kGroup + i % kGroup] = convert(from[i], row);
      }
    }
  }
}

}  // namespace

PackedWeights::PackedWeights(std::span<const TensorView> parts, ComputeType type)
    : type_(type), kernel_(KernelFor(type)) {
  BGE_CHECK(!parts.empty());
  k_ = parts[0].shape[1];
  for (const TensorView& part : parts) {
    BGE_CHECK(part.shape.rank() == 2 && part.shape[1] == k_);
    n_ += part.shape[0];
  }
  BGE_CHECK(type != ComputeType::kInt8 || k_ <= kMaxInt8Depth);
  groups_ = (k_ + GroupSize(type) - 1) / GroupSize(type);
  num_panels_ = (n_ + kernel_.panel_columns - 1) / kernel_.panel_columns;
  const auto columns = static_cast<size_t>(num_panels_ * kernel_.panel_columns);
  const size_t panels_bytes = columns * static_cast<size_t>(groups_ * kGroupBytes);
  bytes_ = panels_bytes;
  if (type == ComputeType::kInt8) bytes_ += columns * (sizeof(float) + sizeof(int32_t));
  memory_ = hwy::AllocateAligned<std::byte>(std::max<size_t>(bytes_, 1));
  if (memory_ == nullptr) throw std::bad_alloc();
  if (type == ComputeType::kInt8) {
    scales_ = reinterpret_cast<float*>(memory_.get() + panels_bytes);
    sums_ = reinterpret_cast<int32_t*>(scales_ + columns);
  }

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

void PackedWeights::PackPanel(int64_t index, const float* rows, int64_t num_rows) {
  const int64_t columns = kernel_.panel_columns;
  std::byte* to = memory_.get() + index * groups_ * columns * kGroupBytes;
  if (num_rows < columns || k_ % GroupSize(type_) != 0) {
    std::memset(to, 0, static_cast<size_t>(groups_ * columns * kGroupBytes));
  }
  switch (type_) {
    case ComputeType::kFloat32:
      Interleave(
          rows, num_rows, k_, columns, [](float v, int64_t) { return v; },
          reinterpret_cast<float*>(to));
      return;
    case ComputeType::kBFloat16:
      Interleave(
          rows, num_rows, k_, columns, [](float v, int64_t) { return FloatToBf16(v); },
          reinterpret_cast<uint16_t*>(to));
      return;
    case ComputeType::kInt8:
      break;
  }
  float* scales = scales_ + index * columns;
  int32_t* sums = sums_ + index * columns;
  std::fill_n(scales, columns, 0.0f);
  std::fill_n(sums, columns, 0);
  std::vector<float> inverses(static_cast<size_t>(num_rows));
  for (int64_t row = 0; row < num_rows; ++row) {
    float largest = 0.0f;
    for (int64_t i = 0; i < k_; ++i) largest = std::max(largest, std::abs(rows[row * k_ + i]));
    scales[row] = largest / 127.0f;
    inverses[static_cast<size_t>(row)] = largest == 0.0f ? 0.0f : 127.0f / largest;
  }
  Interleave(
      rows, num_rows, k_, columns,
      [&](float v, int64_t row) {
        const auto q = static_cast<int8_t>(std::lrint(v * inverses[static_cast<size_t>(row)]));
        sums[row] += q;
        return q;
      },
      reinterpret_cast<int8_t*>(to));
}

}  // namespace bge::cpu
