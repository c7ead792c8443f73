#include "heads/m3_sparse_head.h"

#include <algorithm>
#include <utility>

namespace bge {

M3SparseHead::M3SparseHead(const std::filesystem::path& file, int64_t hidden_size,
                           std::vector<int32_t> unused_ids, const Backend& backend,
                           WeightRounding rounding)
    : linear_(file, hidden_size, 1, backend, rounding), unused_ids_(std::move(unused_ids)) {}

void M3SparseHead::Run(const OpContext& caller, std::span<const int32_t> ids,
                       std::span<const int32_t> cu_seqlens, ConstMatrix hidden,
                       std::span<SparseVector> vectors) const {
  const OpContext context = caller.At(Stage::kPool);
  const Matrix weights = context.workspace.NewMatrix(hidden.rows, 1);
  linear_.Run(context, hidden, Activation::kRelu, weights);
  for (size_t n = 0; n < vectors.size(); ++n) {
    const auto begin = static_cast<size_t>(cu_seqlens[n]);
    const size_t count = static_cast<size_t>(cu_seqlens[n + 1]) - begin;
    vectors[n] = Collect(ids.subspan(begin, count),
                         weights.Rows(cu_seqlens[n], static_cast<int64_t>(count)));
  }
}

SparseVector M3SparseHead::Collect(std::span<const int32_t> ids, ConstMatrix weights) const {
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
