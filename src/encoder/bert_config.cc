#include "encoder/bert_config.h"

#include "base/error.h"

#include <array>
#include <cmath>
#include <utility>

namespace bge {

namespace {

// Far beyond any model, near enough that products of two or three of them fit in 64 bits.
constexpr int64_t kMaxWidth = 1 << 20;
constexpr int64_t kMaxVocab = 1 << 28;
constexpr int64_t kMaxLayers = 4096;

// transformers/activations.py: the names that mean each function. quick_gelu and others are absent
// because no published encoder of these families uses them.
constexpr std::array<std::pair<std::string_view, Activation>, 9> kActivations = {{
    {"gelu", Activation::kGeluErf},
    {"gelu_python", Activation::kGeluErf},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"relu", Activation::kRelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"tanh", Activation::kTanh},
    {"linear", Activation::kIdentity},
}};

Activation ReadActivation(json::Value value) {
  const std::string_view name = value.AsString();
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  Fail(ErrorCode::kUnsupported, "unknown activation \"" + Printable(name, 60) + "\"", value.Where(),
       "supported: gelu, gelu_new, gelu_pytorch_tanh, relu, silu, tanh, linear");
}

// A switch that must be off: this encoder does not compute what it turns on.
void RequireFalse(json::Value config, std::string_view key, std::string_view meaning) {
  const auto value = config.FindNonNull(key);
  if (value && value->AsBool()) {
    Fail(ErrorCode::kUnsupported, meaning, value->Where() + ": found true, expected false",
         "use an encoder model");
  }
}

}  // namespace

std::optional<BertFamily> BertFamilyOf(std::string_view model_type) {
  if (model_type == "bert") return BertFamily::kBert;
  if (model_type == "roberta" || model_type == "xlm-roberta" || model_type == "camembert") {
    return BertFamily::kRoberta;
  }
  if (model_type == "distilbert") return BertFamily::kDistilBert;
  return std::nullopt;
}

BertConfig BertConfig::FromJson(json::Value config) {
  BertConfig c;
  const std::string_view model_type = config.At("model_type").AsString();
  const auto family = BertFamilyOf(model_type);
  BGE_CHECK(family.has_value());
  c.family = *family;
  const bool distil = c.family == BertFamily::kDistilBert;
  c.architecture = model_type;
  if (const auto architectures = config.FindNonNull("architectures");
      architectures && architectures->is_array() && architectures->size() > 0) {
    c.architecture = architectures->Elements()[0].AsString();
  }

  c.vocab_size = config.At("vocab_size").AsIntIn(1, kMaxVocab);
  c.hidden_size = config.At(distil ? "dim" : "hidden_size").AsIntIn(1, kMaxWidth);
  c.num_layers = config.At(distil ? "n_layers" : "num_hidden_layers").AsIntIn(0, kMaxLayers);
  c.num_heads = config.At(distil ? "n_heads" : "num_attention_heads").AsIntIn(1, kMaxWidth);
  c.intermediate_size =
      config.At(distil ? "hidden_dim" : "intermediate_size").AsIntIn(1, kMaxWidth);
  c.max_positions = config.At("max_position_embeddings").AsIntIn(1, kMaxVocab);
  if (c.hidden_size % c.num_heads != 0) {
    config.Fail("hidden size " + std::to_string(c.hidden_size) + " is not a multiple of " +
                    std::to_string(c.num_heads) + " attention heads",
                "repair the file or download it again");
  }

  if (distil) {
    c.activation = Activation::kGeluErf;
    if (const auto v = config.FindNonNull("activation")) c.activation = ReadActivation(*v);
    c.layer_norm_eps = 1e-12f;  // fixed in transformers' modeling_distilbert.py
  } else {
    // transformers' defaults where old files leave a key out.
    c.type_vocab_size = 2;
    if (const auto v = config.FindNonNull("type_vocab_size")) {
      c.type_vocab_size = v->AsIntIn(1, kMaxWidth);
    }
    if (const auto v = config.FindNonNull("hidden_act")) c.activation = ReadActivation(*v);
    if (const auto v = config.FindNonNull("layer_norm_eps")) {
      const double eps = v->AsDouble();
      if (!(eps >= 0 && eps < 1)) {
        v->Fail("layer_norm_eps out of range: expected 0 to 1", "repair the file");
      }
      c.layer_norm_eps = static_cast<float>(eps);
    }
    if (const auto v = config.FindNonNull("position_embedding_type");
        v && v->AsString() != "absolute") {
      Fail(ErrorCode::kUnsupported,
           "unknown position scheme \"" + Printable(v->AsString(), 60) + "\"", v->Where(),
           "supported: absolute");
    }
    RequireFalse(config, "is_decoder", "decoders are not supported");
    RequireFalse(config, "add_cross_attention", "cross attention is not supported");
  }
  if (c.family == BertFamily::kRoberta) {
    c.padding_id = 1;
    if (const auto v = config.FindNonNull("pad_token_id")) {
      c.padding_id = static_cast<int32_t>(v->AsIntIn(0, c.vocab_size - 1));
    }
    if (c.max_tokens() < 1) {
      config.At("max_position_embeddings")
          .Fail("too few positions: found " + std::to_string(c.max_positions) +
                    ", expected more than pad_token_id + 1 = " + std::to_string(c.padding_id + 1),
                "repair the file or download it again");
    }
  }
  return c;
}

}  // namespace bge
