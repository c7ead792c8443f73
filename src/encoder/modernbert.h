// ModernBERT (Warner et al. 2024): norms in front of what they feed, rotary positions, layers that
// see a window of neighbours among those that see all tokens, and a gated feed-forward part.
#ifndef BGE_ENCODER_MODERNBERT_H_
#define BGE_ENCODER_MODERNBERT_H_

#include "encoder/blocks.h"
#include "encoder/encoder.h"
#include "encoder/modernbert_config.h"
#include "encoder/packed_cache.h"
#include "weights/weight_source.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bge {

class ModernBertEncoder : public Encoder {
 public:
  /// Reads and prepares the weights, layers in parallel on `pool`; what is packed is released from
  /// the mapped file. The backend supports `type`.
  ModernBertEncoder(const ModernBertConfig& config, std::shared_ptr<const WeightSource> source,
                    ComputeType type, const Backend& backend, ThreadPool& pool,
                    const PackedCacheOptions& cache = {});

  const EncoderInfo& info() const override { return info_; }
  /// Token types are not looked at: the model has none.
  Matrix Forward(const PackedBatch& batch, const OpContext& context) const override;
  Matrix ForwardFirstTokens(const PackedBatch& batch, const OpContext& context) const override;

 private:
  // Biases are empty where the model has none.
  struct Layer {
    std::optional<int64_t> window;    // none: all tokens see all tokens
    LayerNormWeights attention_norm;  // empty in layer 0: the embeddings' norm is in front of it
    std::unique_ptr<const PreparedLinear> query;      // [H, H]
    std::unique_ptr<const PreparedLinear> key_value;  // [2H, H]
    std::vector<float> qkv_bias;                      // [3H]
    std::unique_ptr<const PreparedLinear> output;     // [H, H]
    std::vector<float> output_bias;
    LayerNormWeights feed_forward_norm;
    std::unique_ptr<const PreparedLinear> up;  // [2F, H]: what the activation takes, the gate
    std::vector<float> up_bias;
    std::unique_ptr<const PreparedLinear> down;  // [H, F]
    std::vector<float> down_bias;
  };
  struct Pass;

  std::vector<const PreparedLinear*> LinearLayers() const;
  LayerNormWeights LoadNorm(const std::string& name) const;
  std::vector<float> LoadBias(bool there, const std::string& name, int64_t size) const;
  void LoadLayer(int64_t index);
  void FillInfo();

  void Embed(const PackedBatch& batch, Pass& pass) const;
  void BeginLayer(size_t index, Pass& pass) const;
  void Attend(const Layer& layer, const PackedBatch& batch, Pass& pass) const;
  void AttendFirstTokens(size_t index, const PackedBatch& batch, Pass& pass) const;
  void FinishLayer(const Layer& layer, Pass& pass) const;
  void RunLayers(size_t count, const PackedBatch& batch, Pass& pass) const;
  Matrix Finish(Pass& pass) const;
  AttentionOptions AttentionOf(const Layer& layer, const PackedBatch& batch) const;

  const ModernBertConfig config_;
  const ComputeType type_;  // of linear layers
  const PrefixedWeights weights_;
  const Backend& backend_;
  const PackedCache packed_cache_;
  const std::vector<float> global_frequencies_;  // [D/2]
  const std::vector<float> local_frequencies_;
  TensorView word_embeddings_;  // in the mapped file
  LayerNormWeights embeddings_norm_;
  LayerNormWeights final_norm_;
  std::vector<Layer> layers_;
  EncoderInfo info_;
};

}  // namespace bge

#endif  // BGE_ENCODER_MODERNBERT_H_
