// Token vectors to one vector: the six modes of sentence-transformers' Pooling module.
#include "kernels/ref/ops.h"

#include <algorithm>
#include <cmath>

namespace bge::ref {

namespace {

// One column of one range. The divisors are torch.clamp(..., min=1e-9), so an empty range gives 0.
float PoolColumn(ConstMatrix hidden, const PoolRange& range, Pooling pooling, int64_t h) {
  double sum = 0.0;
  double weight_sum = 0.0;
  float max = range.begin < range.end ? hidden.row(range.begin)[h] : 0.0f;
  for (int64_t t = range.begin; t < range.end; ++t) {
    const float v = hidden.row(t)[h];
    // Weights are 1-based positions in the whole sequence, a prompt that is left out included.
    const double weight =
        pooling == Pooling::kWeightedMean ? static_cast<double>(t - range.sequence_begin + 1) : 1.0;
    sum += weight * static_cast<double>(v);
    weight_sum += weight;
    // NaN wins, as in torch.
    if (v > max || std::isnan(v)) max = v;
  }
  switch (pooling) {
    case Pooling::kMax:
      return max;
    case Pooling::kMeanSqrtLen:
      return static_cast<float>(sum / std::sqrt(std::max(weight_sum, 1e-9)));
    default:
      return static_cast<float>(sum / std::max(weight_sum, 1e-9));
  }
}

// The row that cls or lasttoken takes; null means zeros.
const float* PickRow(ConstMatrix hidden, const PoolRange& range, Pooling pooling) {
  if (range.begin < range.end) {
    return hidden.row(pooling == Pooling::kCls ? range.begin : range.end - 1);
  }
  // Parity: where the prompt that is left out fills the whole sequence, argmax over an all-zero
  // mask is 0, so cls takes the first token after all (and lasttoken is multiplied by the mask).
  if (pooling == Pooling::kCls && range.sequence_begin < range.begin) {
    return hidden.row(range.sequence_begin);
  }
  return nullptr;
}

}  // namespace

void Pool(ConstMatrix hidden, std::span<const PoolRange> ranges, Pooling pooling, Matrix out) {
  for (size_t n = 0; n < ranges.size(); ++n) {
    float* row = out.row(static_cast<int64_t>(n));
    if (pooling == Pooling::kCls || pooling == Pooling::kLastToken) {
      const float* picked = PickRow(hidden, ranges[n], pooling);
      for (int64_t h = 0; h < out.cols; ++h) row[h] = picked == nullptr ? 0.0f : picked[h];
    } else {
      for (int64_t h = 0; h < out.cols; ++h) row[h] = PoolColumn(hidden, ranges[n], pooling, h);
    }
  }
}

}  // namespace bge::ref
