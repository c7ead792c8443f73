// What bge::Quantize writes so that a copy keeps its model's space; see docs/formats/identity.md.
#ifndef BGE_ENGINE_MODEL_IDENTITY_H_
#define BGE_ENGINE_MODEL_IDENTITY_H_

#include "engine/model_spec.h"

#include <optional>
#include <string>
#include <vector>

namespace bge {

/// The member of config.json that says which weights a copy was made from.
inline constexpr const char* kQuantizedFrom = "quantized_from";

/// SHA-256 of the transformer's original weights: those that config.json says it was quantized
/// from, else of its files. `files`: as WeightSource::Files() of the transformer's directory.
std::string OriginalWeights(const ModelSpec& spec, const std::vector<std::string>& files);

}  // namespace bge

#endif  // BGE_ENGINE_MODEL_IDENTITY_H_
