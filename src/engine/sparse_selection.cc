#include "engine/sparse_selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace bge {

void KeepLargest(int64_t count, SparseVector* vector) {
  const auto size = static_cast<int64_t>(vector->weights.size());
  if (count == 0 || count >= size) return;
  std::vector<size_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), size_t{0});
  const auto larger = [&](size_t a, size_t b) {
    const float x = std::abs(vector->weights[a]);
    const float y = std::abs(vector->weights[b]);
    return x != y ? x > y : a < b;
  };
  std::nth_element(order.begin(), order.begin() + count, order.end(), larger);
  order.resize(static_cast<size_t>(count));
  std::sort(order.begin(), order.end());
  SparseVector kept;
  for (const size_t i : order) {
    kept.token_ids.push_back(vector->token_ids[i]);
    kept.weights.push_back(vector->weights[i]);
  }
  *vector = std::move(kept);
}

}  // namespace bge
