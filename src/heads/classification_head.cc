#include "heads/classification_head.h"

#include "base/error.h"

#include <array>
#include <string>
#include <utility>

namespace bge {

namespace {

struct HeadNames {
  std::string_view dense;
  std::string_view output;
  Activation activation;
};

constexpr HeadNames kBert = {"pooler.dense", "classifier", Activation::kTanh};
constexpr HeadNames kRoberta = {"classifier.dense", "classifier.out_proj", Activation::kTanh};
constexpr HeadNames kDistilBert = {"pre_classifier", "classifier", Activation::kRelu};

const HeadNames& NamesOf(std::string_view model_type) {
  if (model_type == "bert") return kBert;
  return model_type == "distilbert" ? kDistilBert : kRoberta;
}

}  // namespace

ClassificationHead::ClassificationHead(std::string_view model_type, int64_t hidden_size,
                                       std::shared_ptr<const WeightSource> weights,
                                       const Backend& backend)
    : backend_(backend), weights_(std::move(weights)) {
  const HeadNames& names = NamesOf(model_type);
  activation_ = names.activation;
  dense_ = Load(names.dense, hidden_size, hidden_size);
  output_ = Load(names.output, 1, hidden_size);
}

ClassificationHead::Layer ClassificationHead::Load(std::string_view name, int64_t outputs,
                                                   int64_t inputs) const {
  const std::string weight = std::string(name) + ".weight";
  const PrefixedWeights weights(weights_, weight);
  const std::array part = {weights.Get(weight, Shape{outputs, inputs})};
  return {backend_.PrepareLinear(part, ComputeType::kFloat32),
          weights.GetVector(std::string(name) + ".bias", outputs)};
}

int64_t ClassificationHead::num_parameters() const {
  const int64_t h = dense_.linear->in_features();
  return h * h + h + h + 1;
}

void ClassificationHead::Run(const OpContext& caller, ConstMatrix first_tokens,
                             std::span<float> logits) const {
  const OpContext context = caller.At(Stage::kPool);
  const int64_t rows = first_tokens.rows;
  const Matrix pooled = context.workspace.NewMatrix(rows, first_tokens.cols);
  backend_.Linear(context, first_tokens, *dense_.linear, {dense_.bias, activation_}, pooled);
  const Matrix scores(logits.data(), rows, 1);
  backend_.Linear(context, pooled, *output_.linear, {output_.bias, Activation::kIdentity}, scores);
}

}  // namespace bge
