// What config.json says of a BERT-like encoder.
#ifndef BGE_ENCODER_BERT_CONFIG_H_
#define BGE_ENCODER_BERT_CONFIG_H_

#include "base/json.h"
#include "kernels/backend.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bge {

/// The families that share the post-LayerNorm encoder of Devlin et al. 2018. They differ in tensor
/// names and in how positions and token types are chosen; MPNet also adds to its scores.
enum class BertFamily {
  kBert,
  kRoberta,     ///< RoBERTa, XLM-RoBERTa, CamemBERT: positions count from the padding id + 1
  kDistilBert,  ///< no token types
  kMpnet,       ///< no token types, RoBERTa's positions, attention with a bias of distances
};

struct BertConfig {
  BertFamily family = BertFamily::kBert;
  std::string architecture;  ///< architectures[0], else model_type
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t intermediate_size = 0;
  int64_t max_positions = 0;    ///< rows of the position table
  int64_t type_vocab_size = 0;  ///< rows of the token type table; 0: there is none
  float layer_norm_eps = 1e-12f;
  Activation activation = Activation::kGeluErf;
  int32_t padding_id = 0;  ///< where positions count from it, this id takes position padding_id
  int64_t relative_buckets = 0;  ///< kMpnet: rows of the table of biases

  /// Whether positions count from the padding id + 1, and leave padding tokens out.
  bool counts_from_padding() const {
    return family == BertFamily::kRoberta || family == BertFamily::kMpnet;
  }
  /// Most tokens of a sequence.
  int64_t max_tokens() const {
    return counts_from_padding() ? max_positions - padding_id - 1 : max_positions;
  }

  /// Error(kCorruptData / kUnsupported) naming file, field, found and expected.
  static BertConfig FromJson(json::Value config);
};

/// The family that a config.json's model_type names; nullopt for others.
std::optional<BertFamily> BertFamilyOf(std::string_view model_type);

}  // namespace bge

#endif  // BGE_ENCODER_BERT_CONFIG_H_
