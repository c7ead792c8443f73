// Finer weights for the end of an int8 model's last layer, where first tokens alone are wanted.
#ifndef BGE_ENCODER_FIRST_TOKEN_WEIGHTS_H_
#define BGE_ENCODER_FIRST_TOKEN_WEIGHTS_H_

#include "bge/types.h"

#include "encoder/packed_cache.h"
#include "kernels/backend.h"
#include "tensor/tensor_view.h"
#include "weights/weight_source.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace bge {

/// Behind the last attention only the first token of each text goes on: one row, whose rounding
/// nothing evens out any more. The attention's output and the second layer of the feed-forward
/// block make a fifth of int8's error there, and are few of the bytes that one text reads: bfloat16
/// for them. (The first layer of the feed-forward block makes another twentieth, for as many bytes
/// as the second; the query's makes nothing.) Immutable once loaded.
class FirstTokenWeights {
 public:
  /// None: the layer's own serve.
  FirstTokenWeights() = default;

  /// Prepares them, unless `type`, which the layer multiplies, is not int8, the weights are stored
  /// as int8 (it is their rounding that costs), or the CPU has no bfloat16 (float32 would be four
  /// times the bytes). They may come from a file of their own of the cache.
  void Load(ComputeType type, const TensorView& output, const TensorView& down,
            const WeightSource& weights, const Backend& backend, const PackedCacheOptions& cache);

  /// To be multiplied instead of the layer's; null: none.
  const PreparedLinear* output() const { return output_.get(); }
  const PreparedLinear* down() const { return down_.get(); }

  size_t owned_bytes() const;
  /// Of the workspace, for each text, of a layer of these sizes: operands of their type.
  int64_t activation_bytes(int64_t hidden_size, int64_t intermediate_size) const;

 private:
  std::optional<const PackedCache> cache_;  // whose file the others may lie in
  std::unique_ptr<const PreparedLinear> output_;
  std::unique_ptr<const PreparedLinear> down_;
};

}  // namespace bge

#endif  // BGE_ENCODER_FIRST_TOKEN_WEIGHTS_H_
