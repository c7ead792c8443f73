// The head of a sequence classifier with one label, as rerankers are: a score from the first token,
// or from the mean of all.
//
// transformers: RobertaClassificationHead, BertPooler with BertForSequenceClassification,
// DistilBertForSequenceClassification, ModernBertForSequenceClassification. All are a layer of the
// hidden size, an activation, ModernBERT's norm, and a layer of one output; dropout does nothing at
// inference.
#ifndef BGE_HEADS_CLASSIFICATION_HEAD_H_
#define BGE_HEADS_CLASSIFICATION_HEAD_H_

#include "bge/types.h"

#include "base/json.h"
#include "kernels/backend.h"
#include "weights/weight_source.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bge {

/// Immutable; thread-safe. Computes in float32, whatever the encoder multiplies.
class ClassificationHead {
 public:
  /// `config`: root of config.json. Error(kCorruptData) where the weights are absent or do not fit;
  /// kUnsupported for a pooling or an activation that this build does not have.
  ClassificationHead(json::Value config, int64_t hidden_size,
                     std::shared_ptr<const WeightSource> weights, const Backend& backend);

  /// What is scored: kCls, the first token, or kMean, the mean of all.
  Pooling pooling() const { return pooling_; }
  int64_t num_parameters() const;

  /// pooled: [N, H]; logits: [N].
  void Run(const OpContext& context, ConstMatrix pooled, std::span<float> logits) const;

 private:
  struct Layer {
    std::unique_ptr<const PreparedLinear> linear;
    std::vector<float> bias;  // empty: none
  };
  Layer Load(std::string_view name, int64_t outputs, int64_t inputs, bool has_bias) const;
  void LoadModernBert(json::Value config, int64_t hidden_size);

  const Backend& backend_;
  std::shared_ptr<const WeightSource> weights_;
  Pooling pooling_ = Pooling::kCls;
  Activation activation_ = Activation::kTanh;
  Layer dense_;
  std::vector<float> norm_gamma_;  // [H]; empty: there is no norm
  std::vector<float> norm_beta_;
  float norm_epsilon_ = 0.0f;
  Layer output_;
};

}  // namespace bge

#endif  // BGE_HEADS_CLASSIFICATION_HEAD_H_
