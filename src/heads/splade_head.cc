// The logits [T, V] are never whole: a part of the vocabulary at a time is multiplied and pooled,
// and what is above zero is kept. The logarithms rise with the logits, so that those of the largest
// are taken once a word, and not once a token.
#include "heads/splade_head.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

namespace bge {

namespace {

// Words of the vocabulary: with so many, a pooled batch of short texts is some MB.
constexpr int64_t kIdsAtOnce = 4096;

struct HeadNames {
  std::string_view dense;
  std::string_view norm;
  std::string_view decoder;
  std::string_view bias;  // where the decoder has none of its own
};

constexpr HeadNames kBert = {"cls.predictions.transform.dense",
                             "cls.predictions.transform.LayerNorm", "cls.predictions.decoder",
                             "cls.predictions.bias"};
constexpr HeadNames kRoberta = {"lm_head.dense", "lm_head.layer_norm", "lm_head.decoder",
                                "lm_head.bias"};
constexpr HeadNames kDistilBert = {"vocab_transform", "vocab_layer_norm", "vocab_projector",
                                   "vocab_projector.bias"};

const HeadNames& NamesOf(std::string_view model_type) {
  if (model_type == "bert") return kBert;
  if (model_type == "distilbert") return kDistilBert;
  for (const std::string_view roberta : {"roberta", "xlm-roberta", "camembert"}) {
    if (model_type == roberta) return kRoberta;
  }
  Fail(ErrorCode::kUnsupported, "a masked-language model of this architecture is not supported",
       "config.json: field model_type: found \"" + Printable(model_type, 60) + "\"",
       "supported: bert, distilbert, roberta, xlm-roberta, camembert");
}

TermPooling PoolingOf(const SpladePooling& pooling) {
  if (!pooling.sum) return TermPooling::kMax;
  return pooling.log_twice ? TermPooling::kSumLogLog : TermPooling::kSumLog;
}

constexpr std::string_view kWordEmbeddings = "embeddings.word_embeddings.weight";

struct Decoder {
  TensorView weight;
  bool own;  // not the word embeddings
};

// Parity: transformers ties the decoder to the word embeddings only where the checkpoint has no
// decoder of its own, or an equal one.
Decoder FindDecoder(const MlmHeadSpec& spec, const HeadNames& names, const PrefixedWeights& head) {
  const std::string name = std::string(names.decoder) + ".weight";
  const Shape shape = {spec.vocab_size, spec.hidden_size};
  if (!spec.tied) return {head.Get(name, shape), true};
  if (const auto own = head.Find(name, shape)) return {*own, true};
  return {PrefixedWeights(head.shared_source(), kWordEmbeddings).Get(kWordEmbeddings, shape),
          false};
}

PrefixedWeights HeadWeights(const HeadNames& names,
                            const std::shared_ptr<const WeightSource>& weights) {
  return PrefixedWeights(weights, std::string(names.dense) + ".weight");
}

}  // namespace

SpladeHead::SpladeHead(const MlmHeadSpec& spec, const SpladePooling& pooling,
                       const std::shared_ptr<const WeightSource>& weights,
                       const PrepareLayer& prepare, const Backend& backend, ThreadPool& pool)
    : backend_(backend), source_(weights), spec_(spec), pooling_(pooling) {
  const HeadNames& names = NamesOf(spec_.model_type);
  const PrefixedWeights head = HeadWeights(names, weights);
  LoadTransform(names.dense, names.norm, head, prepare);
  const std::string own_bias = std::string(names.decoder) + ".bias";
  const bool has_own = head.Find(own_bias, {spec_.vocab_size}).has_value();
  decoder_bias_ = head.GetVector(has_own ? own_bias : names.bias, spec_.vocab_size);
  const Decoder decoder = FindDecoder(spec_, names, head);
  if (decoder.own) num_parameters_ += spec_.vocab_size * spec_.hidden_size;
  LoadDecoder(decoder.weight, prepare, pool);
}

std::string SpladeHead::LayerTensors(const MlmHeadSpec& spec,
                                     const std::shared_ptr<const WeightSource>& weights) {
  const HeadNames& names = NamesOf(spec.model_type);
  const bool own = FindDecoder(spec, names, HeadWeights(names, weights)).own;
  return std::string(names.dense) + ", " + std::string(own ? names.decoder : kWordEmbeddings);
}

std::vector<const PreparedLinear*> SpladeHead::LinearLayers() const {
  std::vector<const PreparedLinear*> layers = {dense_.get()};
  for (const auto& linear : decoder_) layers.push_back(linear.get());
  return layers;
}

void SpladeHead::LoadTransform(std::string_view dense, std::string_view norm,
                               const PrefixedWeights& weights, const PrepareLayer& prepare) {
  const int64_t h = spec_.hidden_size;
  dense_bias_ = weights.GetVector(std::string(dense) + ".bias", h);
  gamma_ = weights.GetVector(std::string(norm) + ".weight", h);
  beta_ = weights.GetVector(std::string(norm) + ".bias", h);
  const std::array part = {weights.Get(std::string(dense) + ".weight", Shape{h, h})};
  dense_ = prepare(0, part);
  num_parameters_ = h * h + 3 * h + spec_.vocab_size;
}

void SpladeHead::LoadDecoder(const TensorView& decoder, const PrepareLayer& prepare,
                             ThreadPool& pool) {
  const int64_t parts = (spec_.vocab_size + kIdsAtOnce - 1) / kIdsAtOnce;
  decoder_.resize(static_cast<size_t>(parts));
  pool.ParallelForEach(parts, [&](int64_t i) {
    const int64_t begin = i * kIdsAtOnce;
    const std::array part = {decoder.Rows(begin, std::min(kIdsAtOnce, spec_.vocab_size - begin))};
    decoder_[static_cast<size_t>(i)] = prepare(static_cast<size_t>(i) + 1, part);
  });
}

int64_t SpladeHead::bytes_per_token() const {
  // The states as operands, dense and normed; a text of one token has a row of pooled weights.
  return static_cast<int64_t>(sizeof(float)) * (3 * spec_.hidden_size + kIdsAtOnce);
}

ConstOperand SpladeHead::Transform(const OpContext& context, ConstMatrix hidden) const {
  Workspace& workspace = context.workspace;
  const ComputeType type = dense_->type();
  const bool narrow = type != ComputeType::kFloat32;
  const bool roberta = &NamesOf(spec_.model_type) == &kRoberta;
  const Activation activation = roberta ? Activation::kGeluErf : spec_.activation;
  Operand rounded;
  ConstOperand input = hidden;
  if (narrow) {
    rounded = NewOperand(workspace, type, hidden.rows, hidden.cols);
    backend_.ToOperand(context, hidden, rounded);
    input = rounded;
  }
  const Matrix y = workspace.NewMatrix(hidden.rows, hidden.cols);
  backend_.Linear(context, input, *dense_, {dense_bias_, activation}, y);
  backend_.AddBiasLayerNorm(context, y, {}, ConstMatrix(), gamma_, beta_, spec_.layer_norm_eps, y,
                            rounded);
  if (narrow) return rounded;
  return y;
}

void SpladeHead::Run(const OpContext& caller, std::span<const int32_t> /*ids*/,
                     std::span<const int32_t> cu_seqlens, ConstMatrix hidden,
                     std::span<SparseVector> vectors) const {
  const OpContext context = caller.At(Stage::kPool);
  const ConstOperand states = Transform(context, hidden);
  const auto texts = static_cast<int64_t>(vectors.size());
  float* const memory = context.workspace.Floats(texts * std::min(kIdsAtOnce, spec_.vocab_size));
  int64_t first = 0;
  for (const auto& linear : decoder_) {
    const Matrix pooled(memory, texts, linear->out_features());
    const auto bias = std::span(decoder_bias_)
                          .subspan(static_cast<size_t>(first), static_cast<size_t>(pooled.cols));
    backend_.PooledLinear(context, states, *linear, bias, cu_seqlens, PoolingOf(pooling_), pooled);
    Collect(pooled, first, vectors);
    first += pooled.cols;
  }
}

void SpladeHead::Collect(ConstMatrix pooled, int64_t first_id,
                         std::span<SparseVector> vectors) const {
  for (int64_t n = 0; n < pooled.rows; ++n) {
    SparseVector& vector = vectors[static_cast<size_t>(n)];
    const float* const row = pooled.row(n);
    for (int64_t i = 0; i < pooled.cols; ++i) {
      if (row[i] <= 0.0f) continue;
      float weight = row[i];  // or not a number, which the caller finds
      if (!pooling_.sum) {
        weight = std::log1p(weight);
        if (pooling_.log_twice) weight = std::log1p(weight);
      }
      vector.token_ids.push_back(static_cast<int32_t>(first_id + i));
      vector.weights.push_back(weight);
    }
  }
}

}  // namespace bge
