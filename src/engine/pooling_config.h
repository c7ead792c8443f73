// A Pooling module's config.json, in both spellings of sentence-transformers.
#ifndef BGE_ENGINE_POOLING_CONFIG_H_
#define BGE_ENGINE_POOLING_CONFIG_H_

#include "base/json.h"
#include "engine/model_spec.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bge {

/// `config`: the root of the file. `hidden_size`: the transformer's, where config.json says it; the
/// pooling's own dimension must be that. Error(kCorruptData) for values that make no sense,
/// kUnsupported for modes that do not exist here.
PoolingModule ReadPoolingConfig(json::Value config, std::optional<int64_t> hidden_size,
                                std::string source);

}  // namespace bge

#endif  // BGE_ENGINE_POOLING_CONFIG_H_
