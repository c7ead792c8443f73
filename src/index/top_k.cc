// See top_k.h.
#include "index/top_k.h"

#include "base/error.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bge::index {
namespace {

// Small k would otherwise be cut back every few rows.
constexpr size_t kMinSlack = 64;
constexpr size_t kBelowAtOnce = 16;

// Of kBelowAtOnce scores, without a branch for each: compilers make vectors of it. NaN is not
// below.
bool AreBelow(const float* scores, float worst) {
  unsigned below = 0;
  for (size_t i = 0; i < kBelowAtOnce; ++i) below += scores[i] < worst ? 1 : 0;
  return below == kBelowAtOnce;
}

}  // namespace

TopK::TopK(int64_t k) : k_(static_cast<size_t>(k)), capacity_(k_ + std::max(k_, kMinSlack)) {
  BGE_CHECK(k >= 0 && k <= std::numeric_limits<int64_t>::max() / 4);
}

void TopK::Offer(std::span<const float> scores, int64_t first_row, const DeletedRows* deleted,
                 int64_t first_deleted) {
  if (k_ == 0) return;
  for (size_t i = 0; i < scores.size(); ++i) {
    // The one test that nearly every row takes.
    while (i + kBelowAtOnce <= scores.size() && AreBelow(&scores[i], worst_.score)) {
      i += kBelowAtOnce;
    }
    if (i == scores.size()) return;
    const float score = scores[i];
    if (score < worst_.score) continue;
    const auto offset = static_cast<int64_t>(i);
    if (deleted != nullptr && deleted->Contains(first_deleted + offset)) continue;
    Add({std::isnan(score) ? -std::numeric_limits<float>::infinity() : score, first_row + offset});
  }
}

void TopK::Merge(const TopK& other) {
  if (k_ == 0) return;
  for (const Candidate& candidate : other.candidates_) Add(candidate);
  if (candidates_.size() > k_) Compact();  // raises the floor for those who ask
}

void TopK::Add(Candidate candidate) {
  if (!IsBetter(candidate, worst_)) return;
  candidates_.push_back(candidate);
  if (candidates_.size() >= capacity_) Compact();
}

void TopK::Compact() {
  const auto kth = candidates_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(candidates_.begin(), kth, candidates_.end(), IsBetter);
  candidates_.resize(k_);
  worst_ = candidates_.back();
}

std::vector<Candidate> TopK::Take() {
  if (candidates_.size() > k_) Compact();
  std::sort(candidates_.begin(), candidates_.end(), IsBetter);
  return std::exchange(candidates_, {});
}

}  // namespace bge::index
