// Tensor names of ModernBERT, without the prefix that a checkpoint may put in front (transformers'
// modeling_modernbert.py).
#ifndef BGE_ENCODER_MODERNBERT_NAMES_H_
#define BGE_ENCODER_MODERNBERT_NAMES_H_

#include <string_view>

namespace bge {

inline constexpr std::string_view kModernBertWordEmbeddings = "embeddings.tok_embeddings.weight";

/// Each takes ".weight" and, where config.json says so, ".bias"; those of a layer follow
/// "layers.<number>.".
struct ModernBertNames {
  std::string_view embeddings_norm = "embeddings.norm";
  std::string_view attention_norm = "attn_norm";  ///< absent in layer 0
  std::string_view query_key_value = "attn.Wqkv";
  std::string_view attention_output = "attn.Wo";
  std::string_view feed_forward_norm = "mlp_norm";
  std::string_view up = "mlp.Wi";  ///< what the activation takes, then the gate
  std::string_view down = "mlp.Wo";
  std::string_view final_norm = "final_norm";
};
inline constexpr ModernBertNames kModernBertNames;

}  // namespace bge

#endif  // BGE_ENCODER_MODERNBERT_NAMES_H_
