// BERT, RoBERTa, DistilBERT and MPNet: embeddings, then attention and feed-forward layers.
#ifndef BGE_ENCODER_BERT_H_
#define BGE_ENCODER_BERT_H_

#include "encoder/bert_config.h"
#include "encoder/blocks.h"
#include "encoder/encoder.h"
#include "encoder/first_token_weights.h"
#include "encoder/packed_cache.h"
#include "weights/weight_source.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace bge {

class BertEncoder : public Encoder {
 public:
  /// Reads and prepares the weights, layers in parallel on `pool`; what is packed is released from
  /// the mapped file. The backend supports `type`. first_tokens: as MakeEncoder has it.
  BertEncoder(const BertConfig& config, std::shared_ptr<const WeightSource> source,
              ComputeType type, const Backend& backend, ThreadPool& pool,
              const PackedCacheOptions& cache = {}, bool first_tokens = false);

  const EncoderInfo& info() const override { return info_; }
  Matrix Forward(const PackedBatch& batch, const OpContext& context) const override;
  Matrix ForwardFirstTokens(const PackedBatch& batch, const OpContext& context) const override;

 private:
  struct Layer {
    AttentionBlock attention;
    FeedForwardBlock feed_forward;
  };
  std::vector<const PreparedLinear*> LinearLayers() const;
  void LoadEmbeddings();
  void LoadRelativeBias();
  void LoadNorms();
  void LoadLayer(int64_t index);
  /// Hidden states after the embeddings and all layers but the last.
  Matrix ForwardToLastLayer(const PackedBatch& batch, const OpContext& context,
                            const LayerScratch& scratch) const;
  std::span<const int32_t> PositionIds(const PackedBatch& batch, Workspace& workspace) const;

  const BertConfig config_;
  const ComputeType type_;  // of linear layers
  const PrefixedWeights weights_;
  const Backend& backend_;
  const PackedCache packed_cache_;
  EmbeddingTables tables_;  // views into the mapped file
  LayerNormWeights embeddings_norm_;
  std::vector<int32_t> outlier_columns_;  // of the hidden states; with int8
  std::vector<float> relative_bias_;      // MPNet's, of which layers have views
  std::vector<Layer> layers_;
  FirstTokenWeights first_tokens_;  // of the last layer
  EncoderInfo info_;
};

}  // namespace bge

#endif  // BGE_ENCODER_BERT_H_
