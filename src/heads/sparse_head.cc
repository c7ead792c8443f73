#include "heads/sparse_head.h"

#include <algorithm>
#include <utility>

namespace bge {

SparseHead::SparseHead(const std::filesystem::path& file, int64_t hidden_size,
                       std::vector<int32_t> unused_ids, const Backend& backend)
    : linear_(file, hidden_size, 1, backend), unused_ids_(std::move(unused_ids)) {}

Matrix SparseHead::TokenWeights(const OpContext& caller, ConstMatrix hidden) const {
  const OpContext context = caller.At(Stage::kPool);
  const Matrix weights = context.workspace.NewMatrix(hidden.rows, 1);
  linear_.Run(context, hidden, Activation::kRelu, weights);
  return weights;
}

SparseVector SparseHead::Collect(std::span<const int32_t> ids, ConstMatrix weights) const {
  std::vector<std::pair<int32_t, float>> all;
  all.reserve(ids.size());
  for (size_t t = 0; t < ids.size(); ++t) {
    const float weight = *weights.row(static_cast<int64_t>(t));
    // Not finite ones too, which the caller finds.
    if (weight == 0.0f ||
        std::find(unused_ids_.begin(), unused_ids_.end(), ids[t]) != unused_ids_.end()) {
      continue;
    }
    all.emplace_back(ids[t], weight);
  }
  // Of equal ids the largest weight comes first.
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  SparseVector vector;
  for (const auto& [id, weight] : all) {
    if (!vector.token_ids.empty() && vector.token_ids.back() == id) continue;
    vector.token_ids.push_back(id);
    vector.weights.push_back(weight);
  }
  return vector;
}

}  // namespace bge
