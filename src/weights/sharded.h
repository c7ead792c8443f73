// A model whose tensors are spread over several files.
#ifndef BGE_WEIGHTS_SHARDED_H_
#define BGE_WEIGHTS_SHARDED_H_

#include "weights/weight_source.h"

#include <filesystem>
#include <memory>

namespace bge {

/// The shards that `index` (a model.safetensors.index.json or pytorch_model.bin.index.json) lists,
/// all opened and checked: every tensor of its weight_map is in the shard that it names. Shards lie
/// beside the index.
/// Error(kNotFound) for an absent shard, kCorruptData otherwise.
std::shared_ptr<const WeightSource> OpenSharded(const std::filesystem::path& index);

}  // namespace bge

#endif  // BGE_WEIGHTS_SHARDED_H_
