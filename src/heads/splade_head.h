// SPLADE's sparse vectors: a weight for each word of the vocabulary that a masked-language model
// expects anywhere in a text (Formal et al. 2021).
//
// sentence-transformers' sparse_encoder/modules/splade_pooling.py, on the logits of transformers'
// BertForMaskedLM, DistilBertForMaskedLM and RobertaForMaskedLM. All tokens count, special ones
// too.
#ifndef BGE_HEADS_SPLADE_HEAD_H_
#define BGE_HEADS_SPLADE_HEAD_H_

#include "base/parallel.h"
#include "heads/sparse_head.h"
#include "kernels/backend.h"
#include "weights/weight_source.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// How logits become weights: log(1 + relu(logit)) of each token, joined over the tokens.
struct SpladePooling {
  bool sum = false;        ///< of the tokens, instead of the largest
  bool log_twice = false;  ///< "log1p_relu": log(1 + log(1 + relu(logit)))
};

/// What config.json says of a masked-language model's head.
struct MlmHeadSpec {
  std::string model_type;  ///< "bert", "distilbert", "roberta", "xlm-roberta", "camembert"
  int64_t hidden_size = 0;
  int64_t vocab_size = 0;
  Activation activation = Activation::kGeluErf;  ///< of BERT's and DistilBERT's transform
  float layer_norm_eps = 0;
  bool tied = true;  ///< the decoder may be the word embeddings
};

/// Immutable; thread-safe.
class SpladeHead : public SparseHead {
 public:
  /// Makes one of the head's linear layers, of which each has a number, from its rows: packs it, or
  /// finds it packed. Called from several threads at once.
  using PrepareLayer = std::function<std::unique_ptr<const PreparedLinear>(
      size_t number, std::span<const TensorView> parts)>;

  /// All of its layers multiply the type that `prepare` gives them, which the backend supports.
  /// Error(kCorruptData) where the head's weights are absent or do not fit; kUnsupported for
  /// another model_type. Calls `prepare` on `pool`.
  SpladeHead(const MlmHeadSpec& spec, const SpladePooling& pooling,
             const std::shared_ptr<const WeightSource>& weights, const PrepareLayer& prepare,
             const Backend& backend, ThreadPool& pool);

  /// The names of the tensors that the layers are made of: for who keeps them packed. Errors as of
  /// the constructor.
  static std::string LayerTensors(const MlmHeadSpec& spec,
                                  const std::shared_ptr<const WeightSource>& weights);
  /// By their numbers.
  std::vector<const PreparedLinear*> LinearLayers() const;

  int64_t num_parameters() const override { return num_parameters_; }
  int64_t bytes_per_token() const override;
  void Run(const OpContext& context, std::span<const int32_t> ids,
           std::span<const int32_t> cu_seqlens, ConstMatrix hidden,
           std::span<SparseVector> vectors) const override;

 private:
  void LoadTransform(std::string_view dense, std::string_view norm, const PrefixedWeights& weights,
                     const PrepareLayer& prepare);
  void LoadDecoder(const TensorView& decoder, const PrepareLayer& prepare, ThreadPool& pool);
  ConstOperand Transform(const OpContext& context, ConstMatrix hidden) const;
  void Collect(ConstMatrix pooled, int64_t first_id, std::span<SparseVector> vectors) const;

  const Backend& backend_;
  const std::shared_ptr<const WeightSource> source_;
  const MlmHeadSpec spec_;
  const SpladePooling pooling_;
  int64_t num_parameters_ = 0;
  std::unique_ptr<const PreparedLinear> dense_;
  std::vector<float> dense_bias_;
  std::vector<float> gamma_, beta_;
  std::vector<std::unique_ptr<const PreparedLinear>> decoder_;  // kIdsAtOnce rows each
  std::vector<float> decoder_bias_;
};

}  // namespace bge

#endif  // BGE_HEADS_SPLADE_HEAD_H_
