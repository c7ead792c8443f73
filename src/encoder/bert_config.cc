#include "encoder/bert_config.h"

#include "base/error.h"
#include "encoder/config_fields.h"
#include "encoder/relative_buckets.h"

namespace bge {

std::optional<BertFamily> BertFamilyOf(std::string_view model_type) {
  if (model_type == "bert") return BertFamily::kBert;
  if (model_type == "roberta" || model_type == "xlm-roberta" || model_type == "camembert") {
    return BertFamily::kRoberta;
  }
  if (model_type == "distilbert") return BertFamily::kDistilBert;
  if (model_type == "mpnet") return BertFamily::kMpnet;
  return std::nullopt;
}

BertConfig BertConfig::FromJson(json::Value config) {
  BertConfig c;
  const std::string_view model_type = config.At("model_type").AsString();
  const auto family = BertFamilyOf(model_type);
  BGE_CHECK(family.has_value());
  c.family = *family;
  const bool distil = c.family == BertFamily::kDistilBert;
  c.architecture = ReadArchitecture(config);

  c.vocab_size = config.At("vocab_size").AsIntIn(1, kMaxVocab);
  c.hidden_size = config.At(distil ? "dim" : "hidden_size").AsIntIn(1, kMaxWidth);
  c.num_layers = config.At(distil ? "n_layers" : "num_hidden_layers").AsIntIn(0, kMaxLayers);
  c.num_heads = config.At(distil ? "n_heads" : "num_attention_heads").AsIntIn(1, kMaxWidth);
  c.intermediate_size =
      config.At(distil ? "hidden_dim" : "intermediate_size").AsIntIn(1, kMaxWidth);
  c.max_positions = config.At("max_position_embeddings").AsIntIn(1, kMaxVocab);
  CheckHeads(config, c.hidden_size, c.num_heads);

  if (distil) {
    c.activation = Activation::kGeluErf;
    if (const auto v = config.FindNonNull("activation")) c.activation = ReadActivation(*v);
    c.layer_norm_eps = 1e-12f;  // fixed in transformers' modeling_distilbert.py
  } else {
    // transformers' defaults where old files leave a key out.
    if (c.family != BertFamily::kMpnet) {
      c.type_vocab_size = 2;
      if (const auto v = config.FindNonNull("type_vocab_size")) {
        c.type_vocab_size = v->AsIntIn(1, kMaxWidth);
      }
    }
    if (const auto v = config.FindNonNull("hidden_act")) c.activation = ReadActivation(*v);
    c.layer_norm_eps = ReadEpsilon(config, "layer_norm_eps", c.layer_norm_eps);
    if (const auto v = config.FindNonNull("position_embedding_type");
        v && v->AsString() != "absolute") {
      Fail(ErrorCode::kUnsupported,
           "unknown position scheme \"" + Printable(v->AsString(), 60) + "\"", v->Where(),
           "supported: absolute");
    }
    RequireFalse(config, "is_decoder", "decoders are not supported");
    RequireFalse(config, "add_cross_attention", "cross attention is not supported");
  }
  if (c.family == BertFamily::kMpnet) {
    // Parity: modeling_mpnet.py spreads distances over 32 buckets whatever the table's size.
    c.relative_buckets = kMpnetBuckets;
    if (const auto v = config.FindNonNull("relative_attention_num_buckets")) {
      c.relative_buckets = v->AsIntIn(kMpnetBuckets, kMaxWidth);
    }
  }
  if (c.counts_from_padding()) {
    c.padding_id = 1;
    // Parity: modeling_mpnet.py counts from 1, whatever pad_token_id says.
    const auto v = config.FindNonNull("pad_token_id");
    if (v && c.family == BertFamily::kRoberta) {
      c.padding_id = static_cast<int32_t>(v->AsIntIn(0, c.vocab_size - 1));
    }
    if (c.max_tokens() < 1) {
      config.At("max_position_embeddings")
          .Fail("too few positions: found " + std::to_string(c.max_positions) +
                    ", expected more than " + std::to_string(c.padding_id + 1) +
                    " (the padding token's id + 1)",
                "repair the file or download it again");
    }
  }
  return c;
}

}  // namespace bge
