// Embedder: model directory to vectors. The main path of the library, top to bottom.
#include "bge/embedder.h"

#include "base/error.h"
#include "engine/embedder_impl.h"
#include "engine/encode_pipeline.h"
#include "engine/sparse_selection.h"
#include "engine/special_tokens.h"
#include "engine/token_batches.h"
#include "heads/m3_colbert_head.h"
#include "heads/m3_sparse_head.h"
#include "hub/pull.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

namespace bge {

namespace {

// Null where the model makes no dense vectors.
PoolingModule* PoolingOf(ModelSpec& spec) {
  return spec.modules.empty() ? nullptr : &std::get<PoolingModule>(spec.modules.front());
}

bool TakesFirstTokens(const ModelSpec& spec) {
  return !spec.modules.empty() &&
         std::get<PoolingModule>(spec.modules.front()).takes_first_tokens();
}

void CheckTruncation(int64_t found, int64_t dimension, const std::string& model) {
  if (found >= 1 && found <= dimension) return;
  Fail(ErrorCode::kInvalidArgument, "truncate_dim out of range",
       "found " + std::to_string(found) + ", expected 1 to " + std::to_string(dimension) + " for " +
           model,
       "give a dimension within that range");
}

// The model's modules with the caller's pooling in place of theirs.
void OverridePooling(ModelSpec* spec, const EmbedderOptions& options) {
  if (!options.pooling) return;
  PoolingModule* const pooling = PoolingOf(*spec);
  if (pooling == nullptr) {
    Fail(ErrorCode::kInvalidArgument, "pooling of a model that makes no dense vectors", spec->name,
         "leave the option out (--pooling)");
  }
  pooling->modes = {*options.pooling};
  pooling->source = "the caller's option";
}

ModelSpec ReadSpec(const std::string& model, const EmbedderOptions& options) {
  CheckThreads(EngineOptionsOf(options));
  // Its warnings say what pooling was assumed, and why: with a choice there is nothing to warn of.
  ModelSpec spec =
      ReadModelSpec(ResolveModel(model, options.download, options.stop),
                    options.pooling ? WarningSink() : options.on_warning, options.splade);
  OverridePooling(&spec, options);
  return spec;
}

LoadedTransformer LoadTransformer(const ModelSpec& spec, const EngineOptions& options,
                                  const Backend& backend) {
  if (spec.is_static()) {
    return LoadedTransformer(spec.transformer_dir, options, backend);
  }
  return LoadedTransformer(
      spec.transformer_dir, spec.config->root(), spec.do_lower_case, options, backend,
      TakesFirstTokens(spec),
      spec.multi_vector ? spec.multi_vector->markers : std::vector<std::string>());
}

}  // namespace

EmbedderImpl::EmbedderImpl(const std::string& model, const EmbedderOptions& options,
                           const Backend& backend)
    : EmbedderImpl(ReadSpec(model, options), options, backend) {}

EmbedderImpl::EmbedderImpl(ModelSpec spec, const EmbedderOptions& options, const Backend& backend)
    : spec_(std::move(spec)), model_(LoadTransformer(spec_, EngineOptionsOf(options), backend)) {
  LoadHeads(options);
  input_.emplace(spec_, model_.tokenizer(),
                 static_queries_ ? &static_queries_->tokenizer() : nullptr,
                 model_.encoder().info().max_tokens, options.max_length);
  FillInfo();
}

void EmbedderImpl::LoadHeads(const EmbedderOptions& options) {
  if (spec_.multi_vector) return LoadTokenVectors(options.on_warning);
  if (spec_.is_static()) return LoadStaticWeights(options.on_warning);
  if (spec_.sparse) return LoadSpladeHead(options);
  if (spec_.modules.empty()) return;
  dense_head_ = std::make_unique<const DenseHead>(
      spec_.modules, model_.encoder().info().hidden_size, model_.backend());
  AddFiles(dense_head_->files());
  LoadM3Heads(options);
}

// To those that info() lists.
void EmbedderImpl::AddFiles(std::span<const std::filesystem::path> files) {
  for (const std::filesystem::path& file : files) {
    spec_.files.push_back(file.lexically_relative(spec_.dir).string());
  }
}

// BGE-M3's heads, which lie in files of their own beside the weights. One that cannot be read is an
// error where it is asked for: dense vectors do without.
void EmbedderImpl::LoadM3Heads(const EmbedderOptions& options) {
  const int64_t hidden_size = model_.encoder().info().hidden_size;
  const Backend& backend = model_.backend();
  const auto load = [&](const char* name, auto&& make) {
    const auto file = TokenLinear::FindFile(spec_.transformer_dir, name);
    if (!file) return;
    try {
      make(*file);
      AddFiles(std::span(&*file, 1));
    } catch (const Error& error) {
      unreadable_heads_.emplace(name, error);
      if (options.on_warning) {
        options.on_warning(std::string("a head is left out: ") + error.what());
      }
    }
  };
  load(M3SparseHead::kFile, [&](const std::filesystem::path& file) {
    sparse_head_ = std::make_unique<const M3SparseHead>(file, hidden_size, UnusedTokenIds(),
                                                        backend, options.round_weights);
  });
  load(M3ColbertHead::kFile, [&](const std::filesystem::path& file) {
    colbert_head_ =
        std::make_unique<const M3ColbertHead>(file, hidden_size, backend, options.round_weights);
  });
}

// Those that FlagEmbedding leaves out of lexical weights: cls, eos, pad and unk of the tokenizer.
std::vector<int32_t> EmbedderImpl::UnusedTokenIds() const {
  std::vector<int32_t> ids;
  for (const std::string& token : SpecialTokens(spec_.transformer_dir, model_.tokenizer())) {
    if (const auto id = model_.tokenizer().TokenToId(token)) ids.push_back(*id);
  }
  return ids;
}

void EmbedderImpl::RequireHeads(const Representations& which) const {
  if (!which.dense && !which.sparse && !which.colbert) {
    Fail(ErrorCode::kInvalidArgument, "no kind of vector is asked for", "the representations",
         "ask for dense, sparse or colbert");
  }
  const auto require = [&](bool wanted, bool there, const std::string& kind, const char* file) {
    if (!wanted || there) return;
    if (const auto error = unreadable_heads_.find(file); error != unreadable_heads_.end()) {
      throw error->second;
    }
    if (dense_head_ == nullptr) {
      const std::string other = makes_sparse() ? "sparse" : "colbert";
      Fail(ErrorCode::kUnsupported, "the model has no " + kind + " head",
           spec_.dir.string() + ": found a model of " + other + " vectors alone",
           "ask for those, or use another model");
    }
    Fail(ErrorCode::kUnsupported, "the model has no " + kind + " head",
         spec_.transformer_dir.string() + ": found neither " + file + ".safetensors nor " + file +
             ".pt",
         "use BAAI/bge-m3 or a model made from it, whole: its heads are files of their own");
  };
  if (which.dense && dense_head_ == nullptr) {
    const std::string kind = makes_sparse() ? "sparse" : "colbert";
    Fail(ErrorCode::kUnsupported, "the model makes no dense vectors",
         spec_.dir.string() + ": found a model of " + kind + " vectors",
         "bge embed (--return " + kind + ") and EncodeAll give those; here use a dense model");
  }
  require(which.sparse, makes_sparse(), "sparse", M3SparseHead::kFile);
  require(which.colbert, colbert_head_ != nullptr, "colbert", M3ColbertHead::kFile);
}

void EmbedderImpl::FillInfo() {
  const EncoderInfo& encoder = model_.encoder().info();
  info_.path = spec_.dir.string();
  info_.encoder_path = spec_.transformer_dir.string();
  info_.name = spec_.name;
  info_.architecture = encoder.architecture;
  info_.num_layers = encoder.num_layers;
  info_.hidden_size = encoder.hidden_size;
  info_.num_heads = encoder.num_heads;
  info_.intermediate_size = encoder.intermediate_size;
  info_.vocab_size = encoder.vocab_size;
  info_.num_parameters = encoder.num_parameters;
  if (dense_head_ != nullptr) info_.num_parameters += dense_head_->num_parameters();
  if (sparse_head_ != nullptr) info_.num_parameters += sparse_head_->num_parameters();
  if (colbert_head_ != nullptr) info_.num_parameters += colbert_head_->num_parameters();
  const bool is_static = spec_.is_static();
  info_.heads = {.dense = dense_head_ != nullptr,
                 .sparse = makes_sparse(),
                 .colbert = colbert_head_ != nullptr};
  info_.colbert_dimension = colbert_head_ == nullptr ? 0 : colbert_head_->dimension();
  if (sparse_head_ != nullptr) info_.sparse_dimension = encoder.vocab_size;
  if (is_static) {
    info_.sparse_dimension = static_queries_->dimension();
    info_.num_parameters = static_queries_->dimension();
  }
  info_.has_transformer = !is_static;
  info_.weights_dtype = is_static ? static_queries_->weights_dtype() : encoder.weights_dtype;
  info_.compute_type = encoder.compute_type;
  info_.dimension = OutputDimension({});
  info_.max_length = input_->max_length();
  info_.max_length_source = input_->max_length_source();
  info_.max_positions = model_.encoder().info().max_tokens;
  if (const PoolingModule* const pooling = PoolingOf(spec_)) {
    info_.poolings = pooling->modes;
    info_.pooling_source = pooling->source;
    info_.include_prompt = pooling->include_prompt;
  }
  if (spec_.sparse && !is_static) {
    info_.sparse_pooling = spec_.sparse->pooling.sum ? "sum" : "max";
    info_.sparse_activation = spec_.sparse->pooling.log_twice ? "log1p_relu" : "relu";
    info_.pooling_source = spec_.sparse->pooling_source;
  }
  if (spec_.sparse) {
    info_.max_active_dims = spec_.sparse->max_active_dims.value_or(0);
    if (spec_.sparse->queries) info_.query_weights = spec_.sparse->queries->where;
  }
  info_.normalizes = std::any_of(spec_.modules.begin(), spec_.modules.end(), [](const auto& m) {
    return std::holds_alternative<NormalizeModule>(m);
  });
  if (spec_.multi_vector) {
    for (const TokenModule& module : spec_.multi_vector->modules) {
      info_.normalizes = info_.normalizes || std::holds_alternative<NormalizeModule>(module);
    }
    FillRoleInfo();
  }
  info_.modules = spec_.module_names;
  info_.prompts = spec_.prompts;
  info_.default_prompt_name = spec_.default_prompt_name;
  info_.query_instruction = spec_.query_instruction;
  info_.document_instruction = spec_.document_instruction;
  info_.instruction_source = spec_.instruction_source;
  info_.similarity = spec_.similarity;
  info_.files = spec_.files;
  for (std::string& file : model_.Files(spec_.dir)) {
    const bool listed =
        std::find(info_.files.begin(), info_.files.end(), file) != info_.files.end();
    if (!listed) info_.files.push_back(std::move(file));
  }
}

// Tokens of a prompt that pooling leaves out (sentence-transformers' _get_prompt_length): those of
// the prompt alone with special tokens, but for a special token at the end.
int64_t EmbedderImpl::PromptTokens(std::string_view prompt, int64_t max_length) const {
  if (prompt.empty() || dense_head_ == nullptr || dense_head_->include_prompt()) return 0;
  const Encoding encoding = model_.tokenizer().Encode(prompt, {.max_length = max_length});
  const auto n = static_cast<int64_t>(encoding.ids.size());
  return n > 0 && model_.tokenizer().is_special(encoding.ids.back()) ? n - 1 : n;
}

int64_t EmbedderImpl::OutputDimension(const EncodeOptions& options) const {
  const std::optional<int64_t> truncate =
      options.truncate_dim ? options.truncate_dim : spec_.truncate_dim;
  if (!truncate || dense_head_ == nullptr) return dimension();
  if (options.truncate_dim) CheckTruncation(*truncate, dimension(), spec_.name);
  return std::min(*truncate, dimension());
}

EmbedderImpl::Finish EmbedderImpl::FinishFor(const EncodeOptions& options) const {
  const bool normalize = options.normalize.value_or(true);
  // Parity: sentence-transformers truncates what the modules give, a Normalize module included. It
  // is left out only where that is all that could be meant by not normalising.
  const bool truncates = options.truncate_dim.has_value() || spec_.truncate_dim.has_value();
  const bool ends_normalized = dense_head_ != nullptr && dense_head_->ends_normalized();
  const int64_t colbert = colbert_head_ == nullptr ? 0 : colbert_head_->dimension();
  if (spec_.multi_vector && options.truncate_dim) {
    CheckTruncation(*options.truncate_dim, colbert, spec_.name);
  }
  return {.normalize_full = !normalize && truncates && ends_normalized,
          .dimension = OutputDimension(options),
          .normalize = normalize,
          .colbert_dimension = std::min(colbert, options.truncate_dim.value_or(colbert)),
          .max_active_dims = MaxActiveDims(options),
          .role = options.role};
}

// What only vectors have that are not asked for.
void EmbedderImpl::RefuseWithoutEffect(const EncodeOptions& options, const Output& output) {
  const auto refuse = [](bool given, const char* option, const char* kinds) {
    if (!given) return;
    Fail(ErrorCode::kInvalidArgument, "option without effect",
         std::string(option) + ": no " + kinds + " vectors are made", "leave it out");
  };
  const bool sparse_alone = output.dense == nullptr && output.colbert == nullptr;
  refuse(sparse_alone && options.truncate_dim, "truncate_dim", "dense or colbert");
  refuse(sparse_alone && options.normalize, "normalize", "dense or colbert");
  refuse(output.sparse == nullptr && options.max_active_dims, "max_active_dims", "sparse");
}

// Texts that are computed together.
struct EmbedderImpl::Batch {
  std::span<const int64_t> texts;  // their numbers in the call
  PackedBatch tokens;

  int64_t begin(size_t n) const { return tokens.cu_seqlens[n]; }
  int64_t end(size_t n) const { return tokens.cu_seqlens[n + 1]; }
};

void EmbedderImpl::CheckFinite(std::span<const float> values, int64_t text) const {
  if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return;
  Fail(ErrorCode::kCorruptData, "the model computes values that are not finite",
       info_.path + ": text " + std::to_string(text) + " of the call",
       "the weights are damaged: download them again");
}

void EmbedderImpl::ComputeDense(const OpContext& context, const Batch& batch, ConstMatrix hidden,
                                std::span<const PoolRange> ranges, const Finish& finish,
                                float* output) const {
  const int64_t dimension = finish.dimension;
  const Matrix full =
      context.workspace.NewMatrix(static_cast<int64_t>(ranges.size()), dense_head_->dimension());
  dense_head_->Run(context, hidden, ranges, full);
  if (finish.normalize_full) model_.backend().L2Normalize(context, full);
  const Matrix cut(full.data, full.rows, dimension, full.stride);
  if (finish.normalize) model_.backend().L2Normalize(context, cut);
  for (size_t n = 0; n < batch.texts.size(); ++n) {
    const float* row = cut.row(static_cast<int64_t>(n));
    CheckFinite({row, static_cast<size_t>(dimension)}, batch.texts[n]);
    std::copy_n(row, dimension, output + batch.texts[n] * dimension);
  }
}

void EmbedderImpl::ComputeSparse(const OpContext& context, const Batch& batch, ConstMatrix hidden,
                                 const Finish& finish, SparseVector* output) const {
  std::vector<SparseVector> vectors(batch.texts.size());
  sparse_head_->Run(context, batch.tokens.input_ids, batch.tokens.cu_seqlens, hidden, vectors);
  for (size_t n = 0; n < vectors.size(); ++n) {
    CheckFinite(vectors[n].weights, batch.texts[n]);
    KeepLargest(finish.max_active_dims, &vectors[n]);
    output[batch.texts[n]] = std::move(vectors[n]);
  }
}

void EmbedderImpl::ComputeColbert(const OpContext& context, const Batch& batch, ConstMatrix hidden,
                                  const Finish& finish, MultiVector* output) const {
  std::vector<MultiVector> vectors(batch.texts.size());
  const TokenBatch tokens = {.ids = batch.tokens.input_ids,
                             .cu_seqlens = batch.tokens.cu_seqlens,
                             .key_counts = batch.tokens.key_counts,
                             .role = finish.role};
  colbert_head_->Run(context, tokens, hidden, finish.colbert_dimension, finish.normalize, vectors);
  for (size_t n = 0; n < vectors.size(); ++n) {
    CheckFinite(vectors[n].values, batch.texts[n]);
    output[batch.texts[n]] = std::move(vectors[n]);
  }
}

void EmbedderImpl::ComputeBatch(const TokenizedTexts& texts, std::span<const int64_t> indices,
                                int64_t prompt_tokens, const Finish& finish,
                                const Output& output) const {
  WorkspacePool::Lease workspace(&model_.workspaces());
  const OpContext context = {.pool = model_.pool(), .workspace = *workspace};
  const bool filled = input_->expansion() && finish.role == Role::kQuery;
  const PackedTokens packed(texts, indices, filled && !spec_.multi_vector->expansion->attended);
  const Batch batch = {indices, packed.batch()};
  bool first_tokens = output.sparse == nullptr && output.colbert == nullptr &&
                      dense_head_->takes_first_tokens() && prompt_tokens == 0;
  std::vector<PoolRange> ranges(indices.size());
  for (size_t n = 0; n < ranges.size(); ++n) {
    const int64_t begin = batch.begin(n);
    const int64_t end = batch.end(n);
    ranges[n] = {begin, std::min(begin + prompt_tokens, end), end};
    first_tokens = first_tokens && begin < end;
  }
  if (first_tokens) {  // then they are all that is computed
    for (size_t n = 0; n < ranges.size(); ++n) {
      const auto row = static_cast<int64_t>(n);
      ranges[n] = {row, row, row + 1};
    }
  }
  const Matrix hidden = first_tokens ? model_.encoder().ForwardFirstTokens(batch.tokens, context)
                                     : model_.encoder().Forward(batch.tokens, context);
  if (output.dense != nullptr) {
    ComputeDense(context, batch, hidden, ranges, finish, output.dense);
  }
  if (output.sparse != nullptr) ComputeSparse(context, batch, hidden, finish, output.sparse);
  if (output.colbert != nullptr) ComputeColbert(context, batch, hidden, finish, output.colbert);
}

TextTokenizer EmbedderImpl::TokenizerFor(const EncodeOptions& options) const {
  TextTokenizer tokenizer = input_->TokenizerFor(options);
  TextTokenizer usual = model_.MakeTextTokenizer(tokenizer.max_length, options.stop);
  tokenizer.hash = std::move(usual.hash);
  if (input_->IsStatic(options.role)) {
    tokenizer.check = [this](std::span<const int32_t> ids) { static_queries_->CheckTokens(ids); };
  } else {
    tokenizer.typed = usual.typed;
    tokenizer.check = std::move(usual.check);
  }
  return tokenizer;
}

EncodeStats EmbedderImpl::EncodeInto(std::span<const std::string_view> texts,
                                     const EncodeOptions& options, std::span<float> output) const {
  RequireHeads({.dense = true});
  const auto expected = texts.size() * static_cast<size_t>(OutputDimension(options));
  if (output.size() != expected) {
    Fail(ErrorCode::kInvalidArgument, "output buffer of the wrong size",
         "found " + std::to_string(output.size()) + " floats, expected " + std::to_string(expected),
         "give texts.size() x OutputDimension(options) floats");
  }
  return Run(texts, options, {.dense = output.data()});
}

TextRepresentations EmbedderImpl::EncodeAll(std::span<const std::string_view> texts,
                                            const Representations& which,
                                            const EncodeOptions& options) const {
  RequireHeads(which);
  TextRepresentations result;
  Output output;
  if (which.dense) {
    result.dense_vecs.count = static_cast<int64_t>(texts.size());
    result.dense_vecs.dimension = OutputDimension(options);
    result.dense_vecs.values.resize(texts.size() *
                                    static_cast<size_t>(result.dense_vecs.dimension));
    output.dense = result.dense_vecs.values.data();
  }
  if (which.sparse) {
    result.lexical_weights.resize(texts.size());
    output.sparse = result.lexical_weights.data();
  }
  if (which.colbert) {
    result.colbert_vecs.resize(texts.size());
    output.colbert = result.colbert_vecs.data();
  }
  result.stats = Run(texts, options, output);
  return result;
}

Embeddings EmbedderImpl::HiddenStates(const TokenSequences& sequences,
                                      const std::stop_token& stop) const {
  Embeddings hidden;
  hidden.count = static_cast<int64_t>(sequences.ids.size());
  hidden.dimension = model_.encoder().info().hidden_size;
  hidden.values.reserve(sequences.ids.size() * static_cast<size_t>(hidden.dimension));
  ForEachTokenBatch(
      model_, sequences, stop, [&](const PackedBatch& batch, int64_t, const OpContext& context) {
        const Matrix rows = model_.encoder().Forward(batch, context);
        for (int64_t r = 0; r < rows.rows; ++r) {
          hidden.values.insert(hidden.values.end(), rows.row(r), rows.row(r) + rows.cols);
        }
      });
  return hidden;
}

EncodeStats EmbedderImpl::Run(std::span<const std::string_view> texts, const EncodeOptions& options,
                              const Output& output) const {
  if (!texts.empty()) RefuseWithoutEffect(options, output);
  const Finish finish = FinishFor(options);
  const int64_t dimension = finish.dimension;
  const TextTokenizer tokenizer = TokenizerFor(options);
  const int64_t prompt_tokens = PromptTokens(tokenizer.prompt, tokenizer.max_length);
  const bool is_static = input_->IsStatic(options.role);
  int64_t head_bytes = 0;  // a token
  if (output.sparse != nullptr && sparse_head_ != nullptr) {
    head_bytes += sparse_head_->bytes_per_token();
  }
  if (output.colbert != nullptr) head_bytes += colbert_head_->bytes_per_token();

  const EncodeWork work = {
      .texts = texts,
      .tokenizer = tokenizer,
      .batch_tokens = options.batch_tokens,
      .max_batch_tokens = model_.MaxBatchTokens(head_bytes),
      .compute =
          [&](const TokenizedTexts& window, std::span<const int64_t> batch) {
            if (is_static) return ComputeStatic(window, batch, finish, output.sparse);
            ComputeBatch(window, batch, prompt_tokens, finish, output);
          },
      .copy =
          [&](int64_t from, int64_t to) {
            if (output.dense != nullptr) {
              std::copy_n(output.dense + from * dimension, dimension,
                          output.dense + to * dimension);
            }
            if (output.sparse != nullptr) output.sparse[to] = output.sparse[from];
            if (output.colbert != nullptr) output.colbert[to] = output.colbert[from];
          },
      .progress = options.progress,
      .stop = options.stop,
  };
  EncodeStats stats = EncodeTexts(work, model_.pool());
  stats.max_length = tokenizer.max_length;
  return stats;
}

/// Under the name that the public header has for it.
class Embedder::Impl : public EmbedderImpl {
 public:
  using EmbedderImpl::EmbedderImpl;
};

Embedder Embedder::Load(const std::string& model, const EmbedderOptions& options) {
  return Embedder(std::make_unique<Impl>(model, options, CpuBackend()));
}

ModelInfo Embedder::Inspect(const std::string& model, const EmbedderOptions& options) {
  return EmbedderImpl(model, options, SizesOnlyBackend()).info();
}

Embedder::Embedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Embedder::Embedder(Embedder&&) noexcept = default;
Embedder& Embedder::operator=(Embedder&&) noexcept = default;
Embedder::~Embedder() = default;

EncodeStats Embedder::EncodeInto(std::span<const std::string_view> texts,
                                 const EncodeOptions& options, std::span<float> output) const {
  return impl_->EncodeInto(texts, options, output);
}

Embeddings Embedder::Encode(std::span<const std::string_view> texts,
                            const EncodeOptions& options) const {
  Embeddings embeddings;
  embeddings.count = static_cast<int64_t>(texts.size());
  embeddings.dimension = OutputDimension(options);
  embeddings.values.resize(texts.size() * static_cast<size_t>(embeddings.dimension));
  EncodeInto(texts, options, embeddings.values);
  return embeddings;
}

Embeddings Embedder::Encode(std::span<const std::string> texts,
                            const EncodeOptions& options) const {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return Encode(std::span<const std::string_view>(views), options);
}

Embeddings Embedder::Encode(std::initializer_list<std::string_view> texts,
                            const EncodeOptions& options) const {
  return Encode(std::span<const std::string_view>(texts.begin(), texts.size()), options);
}

std::vector<float> Embedder::Encode(std::string_view text, const EncodeOptions& options) const {
  return Encode(std::span<const std::string_view>(&text, 1), options).values;
}

Embeddings Embedder::EncodeQueries(std::span<const std::string> texts,
                                   EncodeOptions options) const {
  options.role = Role::kQuery;
  return Encode(texts, options);
}

Embeddings Embedder::EncodeQueries(std::initializer_list<std::string_view> texts,
                                   EncodeOptions options) const {
  options.role = Role::kQuery;
  return Encode(texts, options);
}

Embeddings Embedder::EncodeDocuments(std::span<const std::string> texts,
                                     EncodeOptions options) const {
  options.role = Role::kDocument;
  return Encode(texts, options);
}

Embeddings Embedder::EncodeDocuments(std::initializer_list<std::string_view> texts,
                                     EncodeOptions options) const {
  options.role = Role::kDocument;
  return Encode(texts, options);
}

TextRepresentations Embedder::EncodeAll(std::span<const std::string_view> texts,
                                        const Representations& which,
                                        const EncodeOptions& options) const {
  return impl_->EncodeAll(texts, which, options);
}

TextRepresentations Embedder::EncodeAll(std::span<const std::string> texts,
                                        const Representations& which,
                                        const EncodeOptions& options) const {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return EncodeAll(std::span<const std::string_view>(views), which, options);
}

Embeddings Embedder::HiddenStates(const TokenSequences& sequences, std::stop_token stop) const {
  return impl_->HiddenStates(sequences, stop);
}

int64_t Embedder::OutputDimension(const EncodeOptions& options) const {
  return impl_->OutputDimension(options);
}
int64_t Embedder::dimension() const { return impl_->dimension(); }
int Embedder::threads() const { return impl_->threads(); }
const ModelInfo& Embedder::info() const { return impl_->info(); }
const Tokenizer& Embedder::tokenizer() const { return impl_->tokenizer(); }
const Tokenizer& Embedder::tokenizer(Role role) const { return impl_->tokenizer(role); }

}  // namespace bge
