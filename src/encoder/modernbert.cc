// Follows transformers' modeling_modernbert.py (eager attention).
#include "encoder/modernbert.h"

#include "encoder/config_fields.h"
#include "encoder/modernbert_names.h"
#include "encoder/rotary.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bge {

namespace {

constexpr size_t kLinearsOfLayer = 5;

// Part of a bias that may be empty.
std::span<const float> Part(const std::vector<float>& bias, int64_t begin, int64_t n) {
  if (bias.empty()) return {};
  return std::span(bias).subspan(static_cast<size_t>(begin), static_cast<size_t>(n));
}

int64_t LongestSequence(const PackedBatch& batch) {
  int32_t longest = 0;
  for (size_t n = 1; n < batch.cu_seqlens.size(); ++n) {
    longest = std::max(longest, batch.cu_seqlens[n] - batch.cu_seqlens[n - 1]);
  }
  return longest;
}

}  // namespace

// What one forward pass works on. T: the batch's tokens, or in the end the first ones of its
// sequences.
struct ModernBertEncoder::Pass {
  Pass(const ModernBertConfig& config, ComputeType type, int64_t tokens, const OpContext& caller)
      : context(caller) {
    Workspace& workspace = context.workspace;
    const int64_t h = config.hidden_size;
    const int64_t f = config.intermediate_size;
    x = workspace.NewMatrix(tokens, h);
    float* wide = workspace.Floats(tokens * std::max(3 * h, 2 * f));
    qkv = {wide, tokens, 3 * h};
    gated = {wide, tokens, 2 * f};
    attended = workspace.NewMatrix(tokens, h);
    projected = workspace.NewMatrix(tokens, h);
    input = NewOperand(workspace, type, tokens, h);
    mixed = type == ComputeType::kFloat32 ? Operand(attended) : input;
    inner = NewOperand(workspace, type, tokens, f);
  }

  // Goes on with the first tokens alone, whose rows of x are `first`.
  void KeepRows(Matrix first) {
    x = first;
    qkv = qkv.Rows(0, first.rows);
    gated = gated.Rows(0, first.rows);
    attended = attended.Rows(0, first.rows);
    mixed = mixed.Rows(0, first.rows);
    projected = projected.Rows(0, first.rows);
    input = input.Rows(0, first.rows);
    inner = inner.Rows(0, first.rows);
  }

  // A matrix as linear layers multiply it; in `input`, unless it needs no other form.
  ConstOperand Rounded(const Backend& backend, const OpContext& labelled, Matrix m) const {
    if (input.type == ComputeType::kFloat32) return m;
    backend.ToOperand(labelled, m, input);
    return input;
  }

  OpContext context;
  Matrix x;  // [T, H]: the residual stream
  /// What is still to be added to it: `projected` and this bias, by the next norm.
  bool pending = false;
  std::span<const float> pending_bias;
  ConstOperand normalized;  // [T, H]: what the next linear layer multiplies
  Matrix global_turns;      // [longest sequence, D]
  Matrix local_turns;

  Matrix qkv;        // [T, 3H]
  Matrix gated;      // [T, 2F]; the same memory as qkv
  Matrix attended;   // [T, H]: of first tokens
  Operand mixed;     // [T, H]: what attention gives; `attended` in float32, else `input`
  Matrix projected;  // [T, H]
  Operand input;     // [T, H]: where `normalized` and what follows attention have their memory
  Operand inner;     // [T, F]
};

ModernBertEncoder::ModernBertEncoder(const ModernBertConfig& config,
                                     std::shared_ptr<const WeightSource> source, ComputeType type,
                                     const Backend& backend, ThreadPool& pool,
                                     const PackedCacheOptions& cache)
    : config_(config),
      type_(type),
      weights_(std::move(source), kModernBertWordEmbeddings),
      backend_(backend),
      packed_cache_(cache, weights_.source(), type, backend),
      global_frequencies_(
          RotaryFrequencies(config.global_theta, config.hidden_size / config.num_heads)),
      local_frequencies_(
          RotaryFrequencies(config.local_theta, config.hidden_size / config.num_heads)),
      layers_(static_cast<size_t>(config.num_layers)) {
  if (type == ComputeType::kInt8) CheckInt8Width(config.hidden_size, config.intermediate_size);
  word_embeddings_ =
      weights_.Get(kModernBertWordEmbeddings, Shape{config_.vocab_size, config_.hidden_size});
  embeddings_norm_ = LoadNorm(std::string(kModernBertNames.embeddings_norm));
  final_norm_ = LoadNorm(std::string(kModernBertNames.final_norm));
  pool.ParallelForEach(config_.num_layers, [&](int64_t i) { LoadLayer(i); });
  packed_cache_.Save(LinearLayers());
  FillInfo();
}

void ModernBertEncoder::FillInfo() {
  const int64_t h = config_.hidden_size;
  const int64_t f = config_.intermediate_size;
  const int64_t layers = config_.num_layers;
  info_.architecture = config_.architecture;
  info_.num_layers = layers;
  info_.hidden_size = h;
  info_.num_heads = config_.num_heads;
  info_.intermediate_size = f;
  info_.vocab_size = config_.vocab_size;
  info_.max_tokens = config_.max_positions;
  info_.takes_key_counts = true;
  const int64_t norms = std::max<int64_t>(2 * layers - 1, 0) + 2;
  info_.num_parameters = config_.vocab_size * h + norms * h * (config_.norm_bias ? 2 : 1) +
                         layers * (4 * h * h + 3 * h * f) +
                         (config_.attention_bias ? layers * 4 * h : 0) +
                         (config_.mlp_bias ? layers * (2 * f + h) : 0);
  // As Pass allocates; the turns of both kinds of layers, for at most as many positions.
  info_.activation_bytes_per_token =
      static_cast<int64_t>(sizeof(float)) *
          (std::max(3 * h, 2 * f) + 3 * h + 2 * (h / config_.num_heads)) +
      OperandElementBytes(type_) * (h + f) + 2 * static_cast<int64_t>(64 + sizeof(RowScale));
  info_.weights_dtype = DTypeName(word_embeddings_.dtype);
  info_.compute_type = type_;
  for (const PreparedLinear* linear : LinearLayers()) info_.packed_bytes += linear->owned_bytes();
}

// By their numbers in the cache.
std::vector<const PreparedLinear*> ModernBertEncoder::LinearLayers() const {
  std::vector<const PreparedLinear*> linears;
  for (const Layer& layer : layers_) {
    for (const auto* linear :
         {&layer.query, &layer.key_value, &layer.output, &layer.up, &layer.down}) {
      linears.push_back(linear->get());
    }
  }
  return linears;
}

LayerNormWeights ModernBertEncoder::LoadNorm(const std::string& name) const {
  const int64_t h = config_.hidden_size;
  if (config_.norm_bias) {
    return {weights_.GetVector(name + ".weight", h), weights_.GetVector(name + ".bias", h)};
  }
  return {weights_.GetVector(name + ".weight", h),
          std::vector<float>(static_cast<size_t>(h), 0.0f)};
}

std::vector<float> ModernBertEncoder::LoadBias(bool there, const std::string& name,
                                               int64_t size) const {
  if (!there) return {};
  return weights_.GetVector(name + ".bias", size);
}

void ModernBertEncoder::LoadLayer(int64_t index) {
  const ModernBertNames& names = kModernBertNames;
  const auto name = [index](std::string_view part) {
    return "layers." + std::to_string(index) + "." + std::string(part);
  };
  const int64_t h = config_.hidden_size;
  const int64_t f = config_.intermediate_size;
  size_t number = static_cast<size_t>(index) * kLinearsOfLayer;  // as in LinearLayers()
  const auto prepare = [&](const TensorView& weight) {
    const std::array part = {weight};
    return packed_cache_.Prepare(number++, part, weights_.source());
  };
  const auto get = [&](std::string_view part, int64_t out, int64_t in) {
    return weights_.Get(name(part) + ".weight", Shape{out, in});
  };

  // Vectors before matrices: reading a bias would map the pages again that a matrix beside it has
  // given back.
  Layer& layer = layers_[static_cast<size_t>(index)];
  if (!config_.is_global[static_cast<size_t>(index)]) layer.window = config_.window;
  if (index > 0) layer.attention_norm = LoadNorm(name(names.attention_norm));
  layer.qkv_bias = LoadBias(config_.attention_bias, name(names.query_key_value), 3 * h);
  layer.output_bias = LoadBias(config_.attention_bias, name(names.attention_output), h);
  layer.feed_forward_norm = LoadNorm(name(names.feed_forward_norm));
  layer.up_bias = LoadBias(config_.mlp_bias, name(names.up), 2 * f);
  layer.down_bias = LoadBias(config_.mlp_bias, name(names.down), h);

  // Key and value together, and the query by itself: the last layer may want fewer of them.
  const TensorView query_key_value = get(names.query_key_value, 3 * h, h);
  layer.query = prepare(query_key_value.Rows(0, h));
  layer.key_value = prepare(query_key_value.Rows(h, 2 * h));
  layer.output = prepare(get(names.attention_output, h, h));
  layer.up = prepare(get(names.up, 2 * f, h));
  layer.down = prepare(get(names.down, h, f));
}

AttentionOptions ModernBertEncoder::AttentionOf(const Layer& layer,
                                                const PackedBatch& batch) const {
  const auto head_dim = static_cast<float>(config_.hidden_size / config_.num_heads);
  return {.num_heads = config_.num_heads,
          .scale = 1.0f / std::sqrt(head_dim),
          .window = layer.window,
          .key_counts = batch.key_counts};
}

// x, normalized and the turns.
void ModernBertEncoder::Embed(const PackedBatch& batch, Pass& pass) const {
  const int64_t longest = LongestSequence(batch);
  pass.global_turns = RotaryTurns(pass.context, global_frequencies_, longest);
  pass.local_turns = RotaryTurns(pass.context, local_frequencies_, longest);
  const bool rounds = type_ != ComputeType::kFloat32;
  backend_.EmbedLayerNorm(pass.context, {batch.input_ids, {}, {}}, {word_embeddings_, {}, {}},
                          embeddings_norm_.gamma, embeddings_norm_.beta, config_.norm_eps, pass.x,
                          rounds ? pass.input : Operand());
  pass.normalized = rounds ? ConstOperand(pass.input) : ConstOperand(pass.x);
}

// The norm in front of a layer's attention: layer 0 has none.
void ModernBertEncoder::BeginLayer(size_t index, Pass& pass) const {
  if (index == 0) return;
  const LayerNormWeights& norm = layers_[index].attention_norm;
  backend_.ResidualLayerNorm(pass.context, pass.projected, pass.pending_bias, norm.gamma, norm.beta,
                             config_.norm_eps, pass.x, pass.input);
  pass.normalized = pass.input;
}

void ModernBertEncoder::Attend(const Layer& layer, const PackedBatch& batch, Pass& pass) const {
  const int64_t h = config_.hidden_size;
  const OpContext project = pass.context.At(Stage::kQkv);
  // Biases at once, not in attention: they are turned too.
  backend_.Linear(project, pass.normalized, *layer.query, {Part(layer.qkv_bias, 0, h)},
                  pass.qkv.Columns(0, h));
  backend_.Linear(project, pass.normalized, *layer.key_value, {Part(layer.qkv_bias, h, 2 * h)},
                  pass.qkv.Columns(h, 2 * h));
  backend_.RotaryEmbedding(pass.context, layer.window ? pass.local_turns : pass.global_turns,
                           batch.cu_seqlens, pass.qkv.Columns(0, 2 * h));
  backend_.VarlenAttention(pass.context, pass.qkv, {}, batch.cu_seqlens, AttentionOf(layer, batch),
                           type_, pass.mixed);
}

// Leaves the rows of the first tokens in `pass`.
void ModernBertEncoder::AttendFirstTokens(size_t index, const PackedBatch& batch,
                                          Pass& pass) const {
  const Layer& layer = layers_[index];
  const int64_t h = config_.hidden_size;
  const OpContext project = pass.context.At(Stage::kQkv);
  const Matrix keys_values = pass.qkv.Columns(h, 2 * h);
  backend_.Linear(project, pass.normalized, *layer.key_value, {Part(layer.qkv_bias, h, 2 * h)},
                  keys_values);
  backend_.RotaryEmbedding(pass.context, layer.window ? pass.local_turns : pass.global_turns,
                           batch.cu_seqlens, keys_values.Columns(0, h));

  const Matrix first = FirstRows(pass.x, batch.cu_seqlens, pass.context.workspace);
  pass.KeepRows(first);
  // Their rows of `normalized` again, from x.
  if (index == 0) {
    pass.normalized = pass.Rounded(backend_, project, first);
  } else {
    backend_.ResidualLayerNorm(pass.context, {}, {}, layer.attention_norm.gamma,
                               layer.attention_norm.beta, config_.norm_eps, first, pass.input);
    pass.normalized = pass.input;
  }
  // Position 0 turns by no angle.
  backend_.Linear(project, pass.normalized, *layer.query, {Part(layer.qkv_bias, 0, h)},
                  pass.projected);
  backend_.FirstTokenAttention(pass.context, pass.projected, keys_values, {}, batch.cu_seqlens,
                               AttentionOf(layer, batch), pass.attended);
  backend_.ToOperand(pass.context.At(Stage::kOutput), pass.attended, pass.mixed);
}

// What follows attention.
void ModernBertEncoder::FinishLayer(const Layer& layer, Pass& pass) const {
  backend_.Linear(pass.context.At(Stage::kOutput), pass.mixed, *layer.output, {}, pass.projected);
  backend_.ResidualLayerNorm(pass.context, pass.projected, layer.output_bias,
                             layer.feed_forward_norm.gamma, layer.feed_forward_norm.beta,
                             config_.norm_eps, pass.x, pass.input);
  backend_.Linear(pass.context.At(Stage::kFfnUp), pass.input, *layer.up, {layer.up_bias},
                  pass.gated);
  backend_.GatedActivation(pass.context, pass.gated, config_.activation, pass.inner);
  backend_.Linear(pass.context.At(Stage::kFfnDown), pass.inner, *layer.down, {}, pass.projected);
  pass.pending = true;
  pass.pending_bias = layer.down_bias;
}

// The norm at the end, over x itself.
Matrix ModernBertEncoder::Finish(Pass& pass) const {
  const ConstMatrix residual = pass.pending ? ConstMatrix(pass.x) : ConstMatrix();
  const ConstMatrix last = pass.pending ? ConstMatrix(pass.projected) : ConstMatrix(pass.x);
  backend_.AddBiasLayerNorm(pass.context, last, pass.pending_bias, residual, final_norm_.gamma,
                            final_norm_.beta, config_.norm_eps, pass.x, {});
  return pass.x;
}

void ModernBertEncoder::RunLayers(size_t count, const PackedBatch& batch, Pass& pass) const {
  for (size_t i = 0; i < count; ++i) {
    BeginLayer(i, pass);
    Attend(layers_[i], batch, pass);
    FinishLayer(layers_[i], pass);
  }
}

Matrix ModernBertEncoder::Forward(const PackedBatch& batch, const OpContext& context) const {
  Pass pass(config_, type_, batch.num_tokens(), context);
  Embed(batch, pass);
  RunLayers(layers_.size(), batch, pass);
  return Finish(pass);
}

Matrix ModernBertEncoder::ForwardFirstTokens(const PackedBatch& batch,
                                             const OpContext& context) const {
  if (layers_.empty())
    return FirstRows(Forward(batch, context), batch.cu_seqlens, context.workspace);
  const size_t last = layers_.size() - 1;
  Pass pass(config_, type_, batch.num_tokens(), context);
  Embed(batch, pass);
  RunLayers(last, batch, pass);
  BeginLayer(last, pass);
  AttendFirstTokens(last, batch, pass);
  FinishLayer(layers_[last], pass);
  return Finish(pass);
}

}  // namespace bge
