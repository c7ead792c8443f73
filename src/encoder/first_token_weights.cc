#include "encoder/first_token_weights.h"

#include <array>

namespace bge {

namespace {

constexpr ComputeType kFinerType = ComputeType::kBFloat16;

}  // namespace

void FirstTokenWeights::Load(ComputeType type, const TensorView& output, const TensorView& down,
                             const WeightSource& weights, const Backend& backend,
                             const PackedCacheOptions& cache) {
  if (type != ComputeType::kInt8 || HoldsInt8(weights) || !backend.Supports(kFinerType)) return;
  cache_.emplace(cache, weights, kFinerType, backend, "the last layer of first tokens");
  output_ = cache_->Prepare(0, std::array{output}, weights);
  down_ = cache_->Prepare(1, std::array{down}, weights);
  cache_->Save(std::array{output_.get(), down_.get()});
}

size_t FirstTokenWeights::owned_bytes() const {
  return output_ == nullptr ? 0 : output_->owned_bytes() + down_->owned_bytes();
}

int64_t FirstTokenWeights::activation_bytes(int64_t hidden_size, int64_t intermediate_size) const {
  if (output_ == nullptr) return 0;
  return OperandElementBytes(kFinerType) * (hidden_size + intermediate_size) + 128;
}

}  // namespace bge
