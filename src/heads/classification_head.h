// The head of a sequence classifier with one label, as rerankers are: a score from the first token.
//
// transformers: RobertaClassificationHead, BertPooler with BertForSequenceClassification,
// DistilBertForSequenceClassification. All are a layer of the hidden size, an activation, and a
// layer of one output; dropout does nothing at inference.
#ifndef BGE_HEADS_CLASSIFICATION_HEAD_H_
#define BGE_HEADS_CLASSIFICATION_HEAD_H_

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
  /// `model_type`: of config.json. Error(kCorruptData) where the weights are absent or do not fit.
  ClassificationHead(std::string_view model_type, int64_t hidden_size,
                     std::shared_ptr<const WeightSource> weights, const Backend& backend);

  int64_t num_parameters() const;

  /// first_tokens: [N, H]; logits: [N].
  void Run(const OpContext& context, ConstMatrix first_tokens, std::span<float> logits) const;

 private:
  struct Layer {
    std::unique_ptr<const PreparedLinear> linear;
    std::vector<float> bias;
  };
  Layer Load(std::string_view name, int64_t outputs, int64_t inputs) const;

  const Backend& backend_;
  std::shared_ptr<const WeightSource> weights_;
  Activation activation_;
  Layer dense_;
  Layer output_;
};

}  // namespace bge

#endif  // BGE_HEADS_CLASSIFICATION_HEAD_H_
