// Follows transformers' configuration_modernbert.py, where the new spelling counts more than the
// old.
#include "encoder/modernbert_config.h"

#include "base/error.h"
#include "encoder/config_fields.h"

#include <algorithm>
#include <array>
#include <optional>

namespace bge {

namespace {

constexpr std::string_view kFull = "full_attention";
constexpr std::string_view kSliding = "sliding_attention";

[[noreturn]] void FailUnsupported(json::Value value, const std::string& what,
                                  const std::string& supported) {
  Fail(ErrorCode::kUnsupported, what, value.Where(), "supported: " + supported);
}

bool ReadBool(json::Value config, std::string_view key) {
  const auto value = config.FindNonNull(key);
  return value && value->AsBool();
}

std::vector<bool> ReadLayerTypes(json::Value types, int64_t num_layers) {
  if (static_cast<int64_t>(types.size()) != num_layers) {
    types.Fail("found " + std::to_string(types.size()) + " layers, expected " +
                   std::to_string(num_layers) + " (num_hidden_layers)",
               "repair the file or download it again");
  }
  std::vector<bool> is_global;
  types.ForEachElement([&is_global](json::Value type) {
    const std::string_view name = type.AsString();
    if (name != kFull && name != kSliding) {
      FailUnsupported(type, "unknown attention \"" + Printable(name, 60) + "\"",
                      "full_attention, sliding_attention");
    }
    is_global.push_back(name == kFull);
  });
  return is_global;
}

std::vector<bool> ReadGlobalLayers(json::Value config, int64_t num_layers) {
  if (const auto types = config.FindNonNull("layer_types")) {
    return ReadLayerTypes(*types, num_layers);
  }
  int64_t every = 3;
  if (const auto value = config.FindNonNull("global_attn_every_n_layers")) {
    every = value->AsIntIn(1, kMaxLayers);
  }
  std::vector<bool> is_global;
  for (int64_t i = 0; i < num_layers; ++i) is_global.push_back(i % every == 0);
  return is_global;
}

double ReadTheta(json::Value value) {
  const double theta = value.AsDouble();
  if (!(theta >= 1 && theta <= 1e15)) {
    value.Fail("out of range: expected 1 to 1e15", "repair the file or download it again");
  }
  return theta;
}

// An object that says how positions turn: nothing but the default with a theta.
std::optional<double> ReadRope(json::Value rope) {
  for (const char* key : {"rope_type", "type"}) {
    const auto type = rope.FindNonNull(key);
    if (type && type->AsString() != "default") {
      FailUnsupported(*type, "unknown rotary embedding \"" + Printable(type->AsString(), 60) + "\"",
                      "default");
    }
  }
  if (const auto factor = rope.FindNonNull("partial_rotary_factor");
      factor && factor->AsDouble() != 1.0) {
    FailUnsupported(*factor, "heads that turn in part", "partial_rotary_factor 1");
  }
  const auto theta = rope.FindNonNull("rope_theta");
  return theta ? std::optional(ReadTheta(*theta)) : std::nullopt;
}

void ReadThetas(json::Value config, ModernBertConfig* c) {
  // Those that rope_parameters leaves out come from the old keys.
  struct Kind {
    std::string_view layer_type;
    const char* old_key;
    double* theta;
  };
  const std::array kinds = {Kind{kFull, "global_rope_theta", &c->global_theta},
                            Kind{kSliding, "local_rope_theta", &c->local_theta}};
  const auto parameters = config.FindNonNull("rope_parameters");
  if (parameters) {
    parameters->ForEachMember([](std::string_view name, json::Value value) {
      if (name == kFull || name == kSliding) return;
      FailUnsupported(value, "unknown kind of layer", "full_attention, sliding_attention");
    });
  }
  for (const Kind& kind : kinds) {
    std::optional<double> theta;
    if (const auto rope = parameters ? parameters->FindNonNull(kind.layer_type) : std::nullopt) {
      theta = ReadRope(*rope);
    }
    if (!theta) {
      // null, which meant the other one's before transformers 5 and is an error there, is one here.
      if (const auto old = config.Find(kind.old_key)) theta = ReadTheta(*old);
    }
    if (theta) *kind.theta = *theta;
  }
  if (const auto scaling = config.FindNonNull("rope_scaling")) {
    if (const auto theta = ReadRope(*scaling)) c->global_theta = c->local_theta = *theta;
  }
}

// What transformers reads or read, and this encoder does not compute.
void CheckOptions(json::Value config, const ModernBertConfig& c) {
  // Published files say "absolute", which transformers does not read: positions are rotary.
  if (const auto type = config.FindNonNull("position_embedding_type")) {
    constexpr std::array<std::string_view, 4> kNames = {"absolute", "sans_pos", "rope", "rotary"};
    if (std::find(kNames.begin(), kNames.end(), type->AsString()) == kNames.end()) {
      FailUnsupported(*type, "unknown position scheme \"" + Printable(type->AsString(), 60) + "\"",
                      "absolute, sans_pos, rope, rotary, which all mean the same here");
    }
  }
  const int64_t head_dim = c.hidden_size / c.num_heads;
  if (const auto dim = config.FindNonNull("head_dim"); dim && dim->AsInt() != head_dim) {
    FailUnsupported(*dim, "heads of another size than hidden_size / num_attention_heads",
                    std::to_string(head_dim));
  }
  if (const auto window = config.FindNonNull("sliding_window");
      window && window->AsInt() != c.window) {
    FailUnsupported(*window, "a window that is not local_attention's",
                    std::to_string(c.window) + ", half of local_attention");
  }
  RequireFalse(config, "is_decoder", "decoders are not supported");
  RequireFalse(config, "is_causal", "decoders are not supported");
  RequireFalse(config, "add_cross_attention", "cross attention is not supported");
}

}  // namespace

ModernBertConfig ModernBertConfig::FromJson(json::Value config) {
  ModernBertConfig c;
  c.architecture = ReadArchitecture(config);
  c.vocab_size = config.At("vocab_size").AsIntIn(1, kMaxVocab);
  c.hidden_size = config.At("hidden_size").AsIntIn(1, kMaxWidth);
  c.num_layers = config.At("num_hidden_layers").AsIntIn(0, kMaxLayers);
  c.num_heads = config.At("num_attention_heads").AsIntIn(1, kMaxWidth);
  c.intermediate_size = config.At("intermediate_size").AsIntIn(1, kMaxWidth);
  c.max_positions = config.At("max_position_embeddings").AsIntIn(1, kMaxVocab);
  CheckHeads(config, c.hidden_size, c.num_heads);
  if (c.hidden_size / c.num_heads % 2 != 0) {
    config.Fail("heads have " + std::to_string(c.hidden_size / c.num_heads) +
                    " numbers, expected an even number, as rotary embeddings turn pairs",
                "repair the file or download it again");
  }
  c.norm_eps = ReadEpsilon(config, "norm_eps", c.norm_eps);
  if (const auto v = config.FindNonNull("hidden_activation")) c.activation = ReadActivation(*v);
  c.norm_bias = ReadBool(config, "norm_bias");
  c.attention_bias = ReadBool(config, "attention_bias");
  c.mlp_bias = ReadBool(config, "mlp_bias");
  c.is_global = ReadGlobalLayers(config, c.num_layers);
  if (const auto v = config.FindNonNull("local_attention")) {
    c.window = v->AsIntIn(0, kMaxVocab) / 2;
  }
  ReadThetas(config, &c);
  CheckOptions(config, c);
  return c;
}

}  // namespace bge
