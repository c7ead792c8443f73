// What config.json says of a ModernBERT encoder.
#ifndef BGE_ENCODER_MODERNBERT_CONFIG_H_
#define BGE_ENCODER_MODERNBERT_CONFIG_H_

#include "base/json.h"
#include "kernels/backend.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

inline constexpr std::string_view kModernBertModelType = "modernbert";

/// Defaults are those of transformers' configuration_modernbert.py.
struct ModernBertConfig {
  std::string architecture;  ///< architectures[0], else model_type
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t intermediate_size = 0;
  int64_t max_positions = 0;
  float norm_eps = 1e-5f;
  Activation activation = Activation::kGeluErf;
  bool norm_bias = false;
  bool attention_bias = false;
  bool mlp_bias = false;
  std::vector<bool> is_global;  ///< of each layer: all tokens see all tokens
  int64_t window = 64;          ///< of the other layers: a token sees those up to so far from it
  double global_theta = 160000.0;
  double local_theta = 10000.0;

  /// Reads the published spelling (global_attn_every_n_layers, global_rope_theta, local_rope_theta)
  /// and that of transformers 5 (layer_types, rope_parameters). Error(kCorruptData / kUnsupported)
  /// naming file, field, found and expected.
  static ModernBertConfig FromJson(json::Value config);
};

}  // namespace bge

#endif  // BGE_ENCODER_MODERNBERT_CONFIG_H_
