#include "encoder/bert.h"

#include "base/error.h"
#include "encoder/bert_names.h"
#include "encoder/config_fields.h"
#include "encoder/outlier_columns.h"
#include "encoder/relative_buckets.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace bge {

namespace {

const BertNames& NamesOf(BertFamily family) {
  if (family == BertFamily::kMpnet) return kMpnetNames;
  return family == BertFamily::kDistilBert ? kDistilBertNames : kBertNames;
}

std::string Weight(const std::string& prefix, std::string_view name) {
  return prefix + std::string(name) + ".weight";
}
std::string Bias(const std::string& prefix, std::string_view name) {
  return prefix + std::string(name) + ".bias";
}

LayerNormWeights LoadNorm(const PrefixedWeights& weights, const std::string& name, int64_t size) {
  return {.gamma = weights.GetVector(name + ".weight", size),
          .beta = weights.GetVector(name + ".bias", size)};
}

}  // namespace

BertEncoder::BertEncoder(const BertConfig& config, std::shared_ptr<const WeightSource> source,
                         ComputeType type, const Backend& backend, ThreadPool& pool,
                         const PackedCacheOptions& cache, bool first_tokens)
    : config_(config),
      type_(type),
      weights_(std::move(source), NamesOf(config.family).word_embeddings),
      backend_(backend),
      packed_cache_(cache, weights_.source(), type, backend),
      layers_(static_cast<size_t>(config.num_layers)) {
  if (type == ComputeType::kInt8) CheckInt8Width(config.hidden_size, config.intermediate_size);
  LoadEmbeddings();
  LoadRelativeBias();
  LoadNorms();
  pool.ParallelForEach(config_.num_layers, [&](int64_t i) { LoadLayer(i); });
  const std::vector<const PreparedLinear*> linears = LinearLayers();
  packed_cache_.Save(linears);
  if (first_tokens && !layers_.empty()) {
    const BertNames& names = NamesOf(config_.family);
    const std::string last =
        std::string(names.layer_prefix) + std::to_string(layers_.size() - 1) + ".";
    const Shape output = {config_.hidden_size, config_.hidden_size};
    const Shape down = {config_.hidden_size, config_.intermediate_size};
    first_tokens_.Load(type_, weights_.Get(Weight(last, names.layer.attention_output), output),
                       weights_.Get(Weight(last, names.layer.down), down), weights_.source(),
                       backend_, cache);
  }

  const int64_t h = config_.hidden_size;
  const int64_t f = config_.intermediate_size;
  info_.architecture = config_.architecture;
  info_.num_layers = config_.num_layers;
  info_.hidden_size = h;
  info_.num_heads = config_.num_heads;
  info_.intermediate_size = f;
  info_.vocab_size = config_.vocab_size;
  info_.max_tokens = config_.max_tokens();
  info_.takes_key_counts = true;
  info_.num_parameters =
      (config_.vocab_size + config_.max_positions + config_.type_vocab_size + 2) * h +
      config_.relative_buckets * config_.num_heads +
      config_.num_layers * (4 * (h * h + h) + 2 * h * f + f + h + 4 * h);
  // As Forward allocates; narrower types keep queries, keys and values apart from the inner states,
  // and fill rows up to lines.
  info_.activation_bytes_per_token =
      static_cast<int64_t>(sizeof(float)) * (std::max(3 * h, f) + 3 * h);
  if (type_ != ComputeType::kFloat32) {
    const int64_t qkv = backend_.AttentionInputType(type_) == ComputeType::kFloat32 ? 3 * h : 2 * h;
    info_.activation_bytes_per_token = static_cast<int64_t>(sizeof(float)) * (qkv + 3 * h) +
                                       OperandElementBytes(type_) * (h + f) + 384;
  }
  info_.activation_bytes_per_token += first_tokens_.activation_bytes(h, f);
  info_.weights_dtype = DTypeName(tables_.word.dtype);
  info_.compute_type = type_;
  for (const PreparedLinear* linear : linears) info_.packed_bytes += linear->owned_bytes();
  info_.packed_bytes += first_tokens_.owned_bytes();
}

// By their numbers in the cache.
std::vector<const PreparedLinear*> BertEncoder::LinearLayers() const {
  std::vector<const PreparedLinear*> linears;
  for (const auto& [attention, feed_forward] : layers_) {
    for (const auto* linear : {&attention.query, &attention.key_value, &attention.output,
                               &feed_forward.up, &feed_forward.down}) {
      linears.push_back(linear->get());
    }
  }
  return linears;
}

void BertEncoder::LoadEmbeddings() {
  const BertNames& names = NamesOf(config_.family);
  const int64_t h = config_.hidden_size;
  tables_.word = weights_.Get(names.word_embeddings, Shape{config_.vocab_size, h});
  tables_.position = weights_.Get(names.position_embeddings, Shape{config_.max_positions, h});
  if (config_.type_vocab_size > 0) {
    tables_.token_type =
        weights_.Get(names.token_type_embeddings, Shape{config_.type_vocab_size, h});
  }
}

void BertEncoder::LoadNorms() {
  const BertNames& names = NamesOf(config_.family);
  const int64_t h = config_.hidden_size;
  embeddings_norm_ = LoadNorm(weights_, std::string(names.embeddings_norm), h);
  std::vector<float> gains = embeddings_norm_.gamma;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string prefix = std::string(names.layer_prefix) + std::to_string(i) + ".";
    LayerNormWeights& attention = layers_[i].attention.norm;
    LayerNormWeights& output = layers_[i].feed_forward.norm;
    attention = LoadNorm(weights_, prefix + std::string(names.layer.attention_norm), h);
    output = LoadNorm(weights_, prefix + std::string(names.layer.output_norm), h);
    gains.insert(gains.end(), attention.gamma.begin(), attention.gamma.end());
    gains.insert(gains.end(), output.gamma.begin(), output.gamma.end());
  }
  // Of weights that are stored as int8, nobody knows what the rounding took off.
  if (type_ != ComputeType::kInt8 || HoldsInt8(weights_.source())) return;
  outlier_columns_ = OutlierColumns(gains, h);
}

void BertEncoder::LoadRelativeBias() {
  const BertNames& names = NamesOf(config_.family);
  if (names.relative_attention_bias.empty()) return;
  const std::vector<float> table = weights_.GetValues(
      names.relative_attention_bias, Shape{config_.relative_buckets, config_.num_heads});
  relative_bias_ = MpnetBiasByDistance(table, config_.num_heads);
}

void BertEncoder::LoadLayer(int64_t index) {
  const BertNames& names = NamesOf(config_.family);
  const std::string prefix = std::string(names.layer_prefix) + std::to_string(index) + ".";
  const int64_t h = config_.hidden_size;
  const int64_t f = config_.intermediate_size;
  size_t number = static_cast<size_t>(index) * 5;  // as in LinearLayers()
  const auto prepare = [&](std::span<const TensorView> parts, std::span<const int32_t> exact) {
    return packed_cache_.Prepare(number++, parts, weights_.source(), exact);
  };
  const auto linear = [&](std::string_view name, int64_t out, int64_t in,
                          std::span<const int32_t> exact) {
    const std::array part = {weights_.Get(Weight(prefix, name), Shape{out, in})};
    return prepare(part, exact);
  };

  // Vectors before matrices: reading a bias would map the pages again that a matrix beside it has
  // given back.
  AttentionBlock& attention = layers_[static_cast<size_t>(index)].attention;
  FeedForwardBlock& feed_forward = layers_[static_cast<size_t>(index)].feed_forward;
  attention.num_heads = config_.num_heads;
  if (!relative_bias_.empty()) attention.relative_bias = {relative_bias_, kMpnetFarthest};
  const std::array parts = {names.layer.query, names.layer.key, names.layer.value};
  for (const std::string_view part : parts) {
    const std::vector<float> bias = weights_.GetVector(Bias(prefix, part), h);
    attention.qkv_bias.insert(attention.qkv_bias.end(), bias.begin(), bias.end());
  }
  attention.output_bias = weights_.GetVector(Bias(prefix, names.layer.attention_output), h);
  feed_forward.activation = config_.activation;
  feed_forward.up_bias = weights_.GetVector(Bias(prefix, names.layer.up), f);
  feed_forward.down_bias = weights_.GetVector(Bias(prefix, names.layer.down), h);

  // Key and value together, and the query by itself: the last layer may want fewer of them.
  const std::array key_value = {weights_.Get(Weight(prefix, names.layer.key), Shape{h, h}),
                                weights_.Get(Weight(prefix, names.layer.value), Shape{h, h})};
  const std::span<const int32_t> outliers = outlier_columns_;  // of what reads hidden states
  attention.query = linear(names.layer.query, h, h, outliers);
  attention.key_value = prepare(key_value, outliers);
  attention.output = linear(names.layer.attention_output, h, h, {});
  feed_forward.up = linear(names.layer.up, f, h, outliers);
  feed_forward.down = linear(names.layer.down, h, f, {});
}

std::span<const int32_t> BertEncoder::PositionIds(const PackedBatch& batch,
                                                  Workspace& workspace) const {
  const size_t count = batch.input_ids.size();
  auto* const memory = static_cast<int32_t*>(workspace.Allocate(count * sizeof(int32_t)));
  const std::span<int32_t> positions(memory, count);
  for (int64_t n = 0; n < batch.num_sequences(); ++n) {
    const auto begin = static_cast<size_t>(batch.cu_seqlens[static_cast<size_t>(n)]);
    const auto end = static_cast<size_t>(batch.cu_seqlens[static_cast<size_t>(n) + 1]);
    if (config_.counts_from_padding()) {
      // Parity: create_position_ids_from_input_ids of modeling_roberta.py and modeling_mpnet.py. A
      // padding token that the text itself spells takes the padding position and is not counted.
      int32_t position = config_.padding_id;
      for (size_t t = begin; t < end; ++t) {
        const bool padding = batch.input_ids[t] == config_.padding_id;
        positions[t] = padding ? config_.padding_id : ++position;
      }
    } else {
      for (size_t t = begin; t < end; ++t) positions[t] = static_cast<int32_t>(t - begin);
    }
  }
  return positions;
}

Matrix BertEncoder::ForwardToLastLayer(const PackedBatch& batch, const OpContext& context,
                                       const LayerScratch& scratch) const {
  const int64_t tokens = batch.num_tokens();
  const int64_t h = config_.hidden_size;
  const Matrix x = context.workspace.NewMatrix(tokens, h);

  const std::span<const int32_t> position_ids = PositionIds(batch, context.workspace);
  // Without token types in the inputs every token has type 0: so transformers' RoBERTa tokenizers.
  const bool typed = config_.family == BertFamily::kBert;
  const EmbeddingInputs inputs = {
      .input_ids = batch.input_ids,
      .position_ids = position_ids,
      .token_type_ids = typed ? batch.token_type_ids : std::span<const int32_t>()};
  if (typed) {
    for (const int32_t type : batch.token_type_ids) {
      if (type < 0 || type >= config_.type_vocab_size) {
        Fail(ErrorCode::kCorruptData, "token type out of range",
             "tokenizer.json's post-processor: found " + std::to_string(type) + ", expected 0 to " +
                 std::to_string(config_.type_vocab_size - 1) + " (type_vocab_size of config.json)",
             "use the tokenizer that belongs to the model");
      }
    }
  }
  backend_.EmbedLayerNorm(context, inputs, tables_, embeddings_norm_.gamma, embeddings_norm_.beta,
                          config_.layer_norm_eps, x, scratch.input);
  const size_t before_last = layers_.empty() ? 0 : layers_.size() - 1;
  for (const Layer& layer : std::span(layers_).first(before_last)) {
    layer.attention.Forward(backend_, context, batch.cu_seqlens, config_.layer_norm_eps, scratch, x,
                            batch.key_counts);
    layer.feed_forward.Forward(backend_, context, config_.layer_norm_eps, scratch, x);
  }
  return x;
}

Matrix BertEncoder::Forward(const PackedBatch& batch, const OpContext& context) const {
  const LayerScratch scratch(backend_, context.workspace, type_, batch.num_tokens(),
                             config_.hidden_size, config_.intermediate_size);
  const Matrix x = ForwardToLastLayer(batch, context, scratch);
  if (layers_.empty()) return x;
  const Layer& last = layers_.back();
  last.attention.Forward(backend_, context, batch.cu_seqlens, config_.layer_norm_eps, scratch, x,
                         batch.key_counts);
  last.feed_forward.Forward(backend_, context, config_.layer_norm_eps, scratch, x);
  return x;
}

Matrix BertEncoder::ForwardFirstTokens(const PackedBatch& batch, const OpContext& context) const {
  const LayerScratch scratch(backend_, context.workspace, type_, batch.num_tokens(),
                             config_.hidden_size, config_.intermediate_size);
  const Matrix x = ForwardToLastLayer(batch, context, scratch);
  const Matrix first = FirstRows(x, batch.cu_seqlens, context.workspace);
  if (layers_.empty()) return first;
  const Layer& last = layers_.back();
  last.attention.AttendFirstTokens(backend_, context, batch.cu_seqlens, scratch, x, first);
  LayerScratch few = scratch.Rows(first.rows);
  if (const auto* finer = first_tokens_.output()) {
    few = few.WithFinerWeights(context.workspace, finer->type());
  }
  backend_.ToOperand(context.At(Stage::kOutput), few.attended, few.mixed);
  last.attention.Finish(backend_, context, config_.layer_norm_eps, few, first,
                        first_tokens_.output());
  last.feed_forward.Forward(backend_, context, config_.layer_norm_eps, few, first,
                            first_tokens_.down());
  return first;
}

}  // namespace bge
