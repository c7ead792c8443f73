// Tensor names of the BERT families, without the prefix that a checkpoint may put in front. Shared
// by the engine and, later, by training.
#ifndef BGE_ENCODER_BERT_NAMES_H_
#define BGE_ENCODER_BERT_NAMES_H_

#include <string>
#include <string_view>

namespace bge {

/// One layer's tensors; each name takes ".weight" and ".bias".
struct BertLayerNames {
  std::string_view query, key, value, attention_output, attention_norm, up, down, output_norm;
};

struct BertNames {
  std::string_view word_embeddings = "embeddings.word_embeddings.weight";
  std::string_view position_embeddings = "embeddings.position_embeddings.weight";
  std::string_view token_type_embeddings = "embeddings.token_type_embeddings.weight";
  std::string_view embeddings_norm = "embeddings.LayerNorm";
  std::string_view layer_prefix;  ///< followed by the layer's number and a dot
  BertLayerNames layer;
  std::string_view relative_attention_bias = {};  ///< MPNet's
};

/// BERT, RoBERTa, XLM-RoBERTa, CamemBERT (transformers' modeling_bert.py).
inline constexpr BertNames kBertNames = {.layer_prefix = "encoder.layer.",
                                         .layer = {.query = "attention.self.query",
                                                   .key = "attention.self.key",
                                                   .value = "attention.self.value",
                                                   .attention_output = "attention.output.dense",
                                                   .attention_norm = "attention.output.LayerNorm",
                                                   .up = "intermediate.dense",
                                                   .down = "output.dense",
                                                   .output_norm = "output.LayerNorm"}};

/// transformers' modeling_distilbert.py.
inline constexpr BertNames kDistilBertNames = {.layer_prefix = "transformer.layer.",
                                               .layer = {.query = "attention.q_lin",
                                                         .key = "attention.k_lin",
                                                         .value = "attention.v_lin",
                                                         .attention_output = "attention.out_lin",
                                                         .attention_norm = "sa_layer_norm",
                                                         .up = "ffn.lin1",
                                                         .down = "ffn.lin2",
                                                         .output_norm = "output_layer_norm"}};

/// transformers' modeling_mpnet.py.
inline constexpr BertNames kMpnetNames = {
    .layer_prefix = "encoder.layer.",
    .layer = {.query = "attention.attn.q",
              .key = "attention.attn.k",
              .value = "attention.attn.v",
              .attention_output = "attention.attn.o",
              .attention_norm = "attention.LayerNorm",
              .up = "intermediate.dense",
              .down = "output.dense",
              .output_norm = "output.LayerNorm"},
    .relative_attention_bias = "encoder.relative_attention_bias.weight"};

}  // namespace bge

#endif  // BGE_ENCODER_BERT_NAMES_H_
