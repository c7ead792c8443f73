// Fields of a config.json that all encoders read alike.
#ifndef BGE_ENCODER_CONFIG_FIELDS_H_
#define BGE_ENCODER_CONFIG_FIELDS_H_

#include "base/json.h"
#include "kernels/backend.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace bge {

// Far beyond any model, near enough that products of two or three of them fit in 64 bits.
inline constexpr int64_t kMaxWidth = 1 << 20;
inline constexpr int64_t kMaxVocab = 1 << 28;
inline constexpr int64_t kMaxLayers = 4096;

// All of these: Error(kCorruptData / kUnsupported) naming file, field, found and expected.

/// architectures[0], else model_type.
std::string ReadArchitecture(json::Value config);

/// An activation by transformers' name for it.
Activation ReadActivation(json::Value value);

/// The epsilon of a norm, or `absent` where there is no such key.
float ReadEpsilon(json::Value config, std::string_view key, float absent);

/// A switch that must be off: this encoder does not compute what it turns on, which `meaning` says.
void RequireFalse(json::Value config, std::string_view key, std::string_view meaning);

/// That the hidden size is a multiple of the heads.
void CheckHeads(json::Value config, int64_t hidden_size, int64_t num_heads);

/// That sums of int8 products hold rows of both sizes.
void CheckInt8Width(int64_t hidden_size, int64_t intermediate_size);

}  // namespace bge

#endif  // BGE_ENCODER_CONFIG_FIELDS_H_
