#include "heads/classification_head.h"

#include "base/error.h"
#include "kernels/activation_names.h"

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

bool ReadBool(json::Value config, std::string_view key) {
  const auto value = config.FindNonNull(key);
  return value && value->AsBool();
}

[[noreturn]] void FailUnknown(json::Value value, const std::string& what,
                              std::string_view supported) {
  Fail(ErrorCode::kUnsupported, what + " \"" + Printable(value.AsString(), 60) + "\"",
       value.Where(), "supported: " + std::string(supported));
}

}  // namespace

ClassificationHead::ClassificationHead(json::Value config, int64_t hidden_size,
                                       std::shared_ptr<const WeightSource> weights,
                                       const Backend& backend)
    : backend_(backend), weights_(std::move(weights)) {
  const std::string_view model_type = config.At("model_type").AsString();
  if (model_type == "modernbert") {
    LoadModernBert(config, hidden_size);
    return;
  }
  const HeadNames& names = NamesOf(model_type);
  activation_ = names.activation;
  dense_ = Load(names.dense, hidden_size, hidden_size, /*has_bias=*/true);
  output_ = Load(names.output, 1, hidden_size, /*has_bias=*/true);
}

// ModernBertPredictionHead and what is around it.
void ClassificationHead::LoadModernBert(json::Value config, int64_t hidden_size) {
  if (const auto pooling = config.FindNonNull("classifier_pooling")) {
    if (pooling->AsString() != "cls" && pooling->AsString() != "mean") {
      FailUnknown(*pooling, "unknown pooling", "cls, mean");
    }
    if (pooling->AsString() == "mean") pooling_ = Pooling::kMean;
  }
  activation_ = Activation::kGeluErf;
  if (const auto value = config.FindNonNull("classifier_activation")) {
    const auto activation = ActivationNamed(value->AsString());
    if (!activation) FailUnknown(*value, "unknown activation", kActivationNames);
    activation_ = *activation;
  }
  norm_epsilon_ = 1e-5f;
  if (const auto value = config.FindNonNull("norm_eps")) {
    norm_epsilon_ = static_cast<float>(value->AsDouble());  // the encoder has checked it
  }
  const PrefixedWeights norm(weights_, "head.norm.weight");
  norm_gamma_ = norm.GetVector("head.norm.weight", hidden_size);
  norm_beta_ = ReadBool(config, "norm_bias")
                   ? norm.GetVector("head.norm.bias", hidden_size)
                   : std::vector<float>(static_cast<size_t>(hidden_size), 0.0f);
  dense_ = Load("head.dense", hidden_size, hidden_size, ReadBool(config, "classifier_bias"));
  output_ = Load("classifier", 1, hidden_size, /*has_bias=*/true);
}

ClassificationHead::Layer ClassificationHead::Load(std::string_view name, int64_t outputs,
                                                   int64_t inputs, bool has_bias) const {
  const std::string weight = std::string(name) + ".weight";
  const PrefixedWeights weights(weights_, weight);
  const std::array part = {weights.Get(weight, Shape{outputs, inputs})};
  Layer layer;
  layer.linear = backend_.PrepareLinear(part, ComputeType::kFloat32);
  if (has_bias) layer.bias = weights.GetVector(std::string(name) + ".bias", outputs);
  return layer;
}

int64_t ClassificationHead::num_parameters() const {
  int64_t count = std::ssize(norm_gamma_);
  for (const Layer* layer : {&dense_, &output_}) {
    count += layer->linear->in_features() * layer->linear->out_features() + std::ssize(layer->bias);
  }
  return count;
}

void ClassificationHead::Run(const OpContext& caller, ConstMatrix pooled,
                             std::span<float> logits) const {
  const OpContext context = caller.At(Stage::kPool);
  const int64_t rows = pooled.rows;
  const Matrix inner = context.workspace.NewMatrix(rows, pooled.cols);
  backend_.Linear(context, pooled, *dense_.linear, {dense_.bias, activation_}, inner);
  if (!norm_gamma_.empty()) {
    backend_.AddBiasLayerNorm(context, inner, {}, {}, norm_gamma_, norm_beta_, norm_epsilon_, inner,
                              {});
  }
  const Matrix scores(logits.data(), rows, 1);
  backend_.Linear(context, inner, *output_.linear, {output_.bias, Activation::kIdentity}, scores);
}

}  // namespace bge
