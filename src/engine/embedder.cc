// Embedder: model directory to vectors. The main path of the library, top to bottom.
#include "bge/embedder.h"

#include "base/cpu_limits.h"
#include "base/env.h"
#include "base/error.h"
#include "engine/embedder_impl.h"
#include "engine/encode_pipeline.h"
#include "hub/cache.h"
#include "tokenizer/load.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <utility>

namespace bge {

namespace {

constexpr std::array<std::pair<Pooling, std::string_view>, 6> kPoolingNames = {{
    {Pooling::kCls, "cls"},
    {Pooling::kMax, "max"},
    {Pooling::kMean, "mean"},
    {Pooling::kMeanSqrtLen, "mean_sqrt_len_tokens"},
    {Pooling::kWeightedMean, "weightedmean"},
    {Pooling::kLastToken, "lasttoken"},
}};

// Activations of one batch, unless one text alone needs more. The usual batch takes a twentieth of
// it with the largest BERT; the limit is for strange shapes and a caller's batch_tokens.
constexpr int64_t kMaxBatchBytes = 256 << 20;

PoolingModule& PoolingOf(ModelSpec& spec) { return std::get<PoolingModule>(spec.modules.front()); }

// The model's modules with the caller's pooling in place of theirs.
void OverridePooling(ModelSpec* spec, const EmbedderOptions& options) {
  if (!options.pooling) return;
  PoolingOf(*spec).modes = {*options.pooling};
  PoolingOf(*spec).source = "the caller's option";
}

ModelSpec ReadSpec(const std::string& model, const EmbedderOptions& options) {
  if (options.threads < 0 || options.threads > 1024) {
    Fail(ErrorCode::kInvalidArgument, "number of threads out of range",
         "found " + std::to_string(options.threads) + ", expected 0 to 1024",
         "give 0 for one a physical core");
  }
  // Its warnings say what pooling was assumed, and why: with a choice there is nothing to warn of.
  ModelSpec spec =
      ReadModelSpec(ResolveModel(model), options.pooling ? WarningSink() : options.on_warning);
  OverridePooling(&spec, options);
  return spec;
}

}  // namespace

std::string_view PoolingName(Pooling pooling) {
  for (const auto& [value, name] : kPoolingNames) {
    if (value == pooling) return name;
  }
  return "unknown";
}

std::optional<Pooling> ParsePooling(std::string_view name) {
  for (const auto& [value, known] : kPoolingNames) {
    if (name == known) return value;
  }
  return std::nullopt;
}

std::string_view ComputeTypeName(ComputeType type) {
  switch (type) {
    case ComputeType::kFloat32:
      return "float32";
    case ComputeType::kBFloat16:
      return "bfloat16";
    case ComputeType::kInt8:
      return "int8";
  }
  return "unknown";
}

std::optional<ComputeChoice> ParseComputeChoice(std::string_view name) {
  if (name == "float32" || name == "f32") return ComputeChoice::kFloat32;
  if (name == "bfloat16" || name == "bf16") return ComputeChoice::kBFloat16;
  if (name == "int8") return ComputeChoice::kInt8;
  if (name == "auto") return ComputeChoice::kAuto;
  return std::nullopt;
}

namespace {

ComputeType WantedType(ComputeChoice choice, bool int8_weights, const Backend& backend) {
  switch (choice) {
    case ComputeChoice::kFloat32:
      return ComputeType::kFloat32;
    case ComputeChoice::kBFloat16:
      return ComputeType::kBFloat16;
    case ComputeChoice::kInt8:
      return ComputeType::kInt8;
    case ComputeChoice::kDefault:
      return int8_weights ? ComputeType::kInt8 : ComputeType::kFloat32;
    case ComputeChoice::kAuto:
      break;
  }
  if (int8_weights) return ComputeType::kInt8;
  return backend.Supports(ComputeType::kBFloat16) ? ComputeType::kBFloat16 : ComputeType::kFloat32;
}

// The type that linear layers multiply: what was asked for, if this CPU can.
ComputeType ChooseComputeType(const EmbedderOptions& options, const WeightSource& weights,
                              const Backend& backend) {
  const ComputeType wanted = WantedType(options.compute_type, HoldsInt8(weights), backend);
  if (backend.Supports(wanted)) return wanted;
  if (options.on_warning) {
    const auto held = GetEnv("BGE_CPU_TARGET");
    options.on_warning(
        (held ? "the instructions of BGE_CPU_TARGET=" + Printable(*held, 60) + " do not multiply "
              : "this CPU has no instructions that multiply ") +
        std::string(ComputeTypeName(wanted)) + ": computing in float32");
  }
  return ComputeType::kFloat32;
}

}  // namespace

EmbedderImpl::EmbedderImpl(const std::string& model, const EmbedderOptions& options,
                           const Backend& backend)
    : EmbedderImpl(ReadSpec(model, options), options, backend) {}

EmbedderImpl::EmbedderImpl(ModelSpec spec, const EmbedderOptions& options, const Backend& backend)
    : pool_(options.threads > 0 ? options.threads : DefaultThreads()),
      backend_(backend),
      spec_(std::move(spec)),
      tokenizer_(tokenizer::LoadTokenizer(
          spec_.transformer_dir,
          {.lowercase_first = spec_.do_lower_case, .on_warning = options.on_warning})),
      weights_(OpenWeights(spec_.transformer_dir)),
      encoder_(MakeEncoder(
          spec_.config->root(), weights_, ChooseComputeType(options, *weights_, backend_), backend_,
          pool_,
          {.folder = options.packed_cache.empty() ? GetEnv("BGE_PACKED_CACHE").value_or("")
                                                  : options.packed_cache,
           .on_warning = options.on_warning})),
      head_(spec_.modules, encoder_->info().hidden_size, backend_) {
  SetMaxLength(options);
  FillInfo();
}

void EmbedderImpl::SetMaxLength(const EmbedderOptions& options) {
  max_length_ = std::min(spec_.max_length, encoder_->info().max_tokens);
  if (max_length_ < tokenizer_.num_special_tokens()) {
    Fail(ErrorCode::kCorruptData, "maximum length does not hold the special tokens",
         spec_.dir.string() + ": " + spec_.max_length_source + ": found " +
             std::to_string(max_length_) + ", expected at least " +
             std::to_string(tokenizer_.num_special_tokens()),
         "repair the file or download it again");
  }
  if (options.max_length) {
    max_length_ = MaxLengthFor({.max_length = options.max_length});
    spec_.max_length_source = "the caller's option";
  }
}

int64_t EmbedderImpl::MaxLengthFor(const EncodeOptions& options) const {
  if (!options.max_length) return max_length_;
  const int64_t longest = encoder_->info().max_tokens;
  const int64_t shortest = std::max<int64_t>(1, tokenizer_.num_special_tokens());
  if (*options.max_length < shortest || *options.max_length > longest) {
    Fail(ErrorCode::kInvalidArgument, "max_length out of range",
         "found " + std::to_string(*options.max_length) + ", expected " + std::to_string(shortest) +
             " to " + std::to_string(longest) + " for " + spec_.name,
         "give a length within that range");
  }
  return *options.max_length;
}

void EmbedderImpl::FillInfo() {
  const EncoderInfo& encoder = encoder_->info();
  const PoolingModule& pooling = PoolingOf(spec_);
  info_.path = spec_.dir.string();
  info_.name = spec_.name;
  info_.architecture = encoder.architecture;
  info_.num_layers = encoder.num_layers;
  info_.hidden_size = encoder.hidden_size;
  info_.num_heads = encoder.num_heads;
  info_.intermediate_size = encoder.intermediate_size;
  info_.vocab_size = encoder.vocab_size;
  info_.num_parameters = encoder.num_parameters + head_.num_parameters();
  info_.weights_dtype = encoder.weights_dtype;
  info_.compute_type = encoder.compute_type;
  info_.dimension = OutputDimension({});
  info_.max_length = max_length_;
  info_.max_length_source = spec_.max_length_source;
  info_.poolings = pooling.modes;
  info_.pooling_source = pooling.source;
  info_.include_prompt = pooling.include_prompt;
  info_.normalizes = std::any_of(spec_.modules.begin(), spec_.modules.end(), [](const auto& m) {
    return std::holds_alternative<NormalizeModule>(m);
  });
  info_.modules = spec_.module_names;
  info_.prompts = spec_.prompts;
  info_.default_prompt_name = spec_.default_prompt_name;
  info_.query_instruction = spec_.query_instruction;
  info_.document_instruction = spec_.document_instruction;
  info_.instruction_source = spec_.instruction_source;
  info_.similarity = spec_.similarity;
  info_.files = spec_.files;
  for (const char* file : {"tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spiece.model",
                           "tokenizer.model"}) {
    const std::filesystem::path path = spec_.transformer_dir / file;
    if (!std::filesystem::exists(path)) continue;
    info_.files.push_back(path.lexically_relative(spec_.dir).string());
    break;  // the first that is there is the one that was read
  }
  for (const std::string& file : weights_->Files()) info_.files.push_back(file);
}

// sentence-transformers' precedence: explicit text, explicit name, the role's, the default prompt.
std::string_view EmbedderImpl::PromptFor(const EncodeOptions& options) const {
  if (options.instruction && options.prompt_name) {
    Fail(ErrorCode::kInvalidArgument, "both an instruction and a prompt name", "the encode options",
         "give one of them");
  }
  if (options.instruction) return *options.instruction;
  const auto named = [&](const std::string& name) -> std::string_view {
    const auto it = spec_.prompts.find(name);
    if (it != spec_.prompts.end()) return it->second;
    std::string known;
    for (const auto& [key, text] : spec_.prompts) known += (known.empty() ? "" : ", ") + key;
    Fail(ErrorCode::kInvalidArgument, "unknown prompt name \"" + name + "\"", spec_.name,
         known.empty() ? "the model has no prompts: give the text itself (--instruction)"
                       : "give one of: " + known);
  };
  if (options.prompt_name) return named(*options.prompt_name);
  switch (options.role) {
    case Role::kQuery:
      return spec_.query_instruction;
    case Role::kDocument:
      return spec_.document_instruction;
    case Role::kNone:
      break;
  }
  return spec_.default_prompt_name.empty() ? std::string_view() : named(spec_.default_prompt_name);
}

// Tokens of a prompt that pooling leaves out (sentence-transformers' _get_prompt_length): those of
// the prompt alone with special tokens, but for a special token at the end.
int64_t EmbedderImpl::PromptTokens(std::string_view prompt, int64_t max_length) const {
  if (prompt.empty() || head_.include_prompt()) return 0;
  const Encoding encoding = tokenizer_.Encode(prompt, {.max_length = max_length});
  const auto n = static_cast<int64_t>(encoding.ids.size());
  return n > 0 && tokenizer_.is_special(encoding.ids.back()) ? n - 1 : n;
}

int64_t EmbedderImpl::OutputDimension(const EncodeOptions& options) const {
  const std::optional<int64_t> truncate =
      options.truncate_dim ? options.truncate_dim : spec_.truncate_dim;
  if (!truncate) return head_.dimension();
  if (options.truncate_dim && (*truncate < 1 || *truncate > head_.dimension())) {
    Fail(ErrorCode::kInvalidArgument, "truncate_dim out of range",
         "found " + std::to_string(*truncate) + ", expected 1 to " +
             std::to_string(head_.dimension()) + " for " + spec_.name,
         "give a dimension within that range");
  }
  return std::min(*truncate, head_.dimension());
}

// What the encoder takes for granted. A tokenizer of another model breaks it, and so do a
// vocabulary or a post-processor that somebody has tampered with.
void EmbedderImpl::CheckTokens(std::span<const int32_t> ids) const {
  const auto vocab_size = static_cast<uint32_t>(encoder_->info().vocab_size);
  uint32_t largest = 0;
  for (const int32_t id : ids) largest = std::max(largest, static_cast<uint32_t>(id));
  if (largest >= vocab_size) {
    Fail(ErrorCode::kCorruptData, "token id is outside the model's vocabulary",
         info_.path + ": the tokenizer gives " + std::to_string(largest) + ", expected less than " +
             std::to_string(vocab_size) + " (vocab_size of config.json)",
         "use the tokenizer that belongs to the model");
  }
  if (static_cast<int64_t>(ids.size()) > encoder_->info().max_tokens) {
    Fail(ErrorCode::kCorruptData, "the tokenizer gives more tokens than the model has positions",
         info_.path + ": post_processor of tokenizer.json: found " + std::to_string(ids.size()) +
             " tokens, expected at most " + std::to_string(encoder_->info().max_tokens),
         "use the tokenizer that belongs to the model");
  }
}

EmbedderImpl::Finish EmbedderImpl::FinishFor(const EncodeOptions& options) const {
  const bool normalize = options.normalize.value_or(true);
  // Parity: sentence-transformers truncates what the modules give, a Normalize module included. It
  // is left out only where that is all that could be meant by not normalising.
  const bool truncates = options.truncate_dim.has_value() || spec_.truncate_dim.has_value();
  return {.normalize_full = !normalize && truncates && head_.ends_normalized(),
          .dimension = OutputDimension(options),
          .normalize = normalize};
}

void EmbedderImpl::ComputeBatch(const TokenizedTexts& texts, std::span<const int64_t> indices,
                                int64_t prompt_tokens, const Finish& finish,
                                std::span<float> output) const {
  const int64_t dimension = finish.dimension;
  WorkspacePool::Lease workspace(&workspaces_);
  const OpContext context = {.pool = pool_, .workspace = *workspace};
  const PackedTokens packed(texts, indices);
  const PackedBatch batch = packed.batch();
  bool first_tokens = head_.takes_first_tokens() && prompt_tokens == 0;
  std::vector<PoolRange> ranges(indices.size());
  for (size_t n = 0; n < ranges.size(); ++n) {
    const int64_t begin = batch.cu_seqlens[n];
    const int64_t end = batch.cu_seqlens[n + 1];
    ranges[n] = {begin, std::min(begin + prompt_tokens, end), end};
    first_tokens = first_tokens && begin < end;
  }
  if (first_tokens) {  // then they are all that is computed
    for (size_t n = 0; n < ranges.size(); ++n) {
      const auto row = static_cast<int64_t>(n);
      ranges[n] = {row, row, row + 1};
    }
  }
  const Matrix hidden = first_tokens ? encoder_->ForwardFirstTokens(batch, context)
                                     : encoder_->Forward(batch, context);
  const Matrix full =
      context.workspace.NewMatrix(static_cast<int64_t>(ranges.size()), head_.dimension());
  head_.Run(context, hidden, ranges, full);
  if (finish.normalize_full) backend_.L2Normalize(context, full);
  const Matrix cut(full.data, full.rows, dimension, full.stride);
  if (finish.normalize) backend_.L2Normalize(context, cut);
  for (size_t n = 0; n < indices.size(); ++n) {
    const float* row = cut.row(static_cast<int64_t>(n));
    if (!std::all_of(row, row + dimension, [](float v) { return std::isfinite(v); })) {
      Fail(ErrorCode::kCorruptData, "the model computes values that are not finite",
           info_.path + ": text " + std::to_string(indices[n]) + " of the call",
           "the weights are damaged: download them again");
    }
    std::copy_n(row, dimension, output.data() + indices[n] * dimension);
  }
}

TextTokenizer EmbedderImpl::TokenizerFor(const EncodeOptions& options) const {
  return {.tokenizer = tokenizer_,
          .prompt = PromptFor(options),
          .max_length = MaxLengthFor(options),
          .stop = options.stop,
          .hash = hash_,
          .check = [this](std::span<const int32_t> ids) { CheckTokens(ids); }};
}

EncodeStats EmbedderImpl::EncodeInto(std::span<const std::string_view> texts,
                                     const EncodeOptions& options, std::span<float> output) const {
  const auto expected = texts.size() * static_cast<size_t>(OutputDimension(options));
  if (output.size() != expected) {
    Fail(ErrorCode::kInvalidArgument, "output buffer of the wrong size",
         "found " + std::to_string(output.size()) + " floats, expected " + std::to_string(expected),
         "give texts.size() x OutputDimension(options) floats");
  }
  const Finish finish = FinishFor(options);
  const int64_t dimension = finish.dimension;
  const TextTokenizer tokenizer = TokenizerFor(options);
  const int64_t prompt_tokens = PromptTokens(tokenizer.prompt, tokenizer.max_length);

  const EncodeWork work = {
      .texts = texts,
      .tokenizer = tokenizer,
      .batch_tokens = options.batch_tokens,
      .max_batch_tokens =
          std::max<int64_t>(1, kMaxBatchBytes / encoder_->info().activation_bytes_per_token),
      .compute =
          [&](const TokenizedTexts& window, std::span<const int64_t> batch) {
            ComputeBatch(window, batch, prompt_tokens, finish, output);
          },
      .copy =
          [&](int64_t from, int64_t to) {
            std::copy_n(output.data() + from * dimension, dimension,
                        output.data() + to * dimension);
          },
      .progress = options.progress,
      .stop = options.stop,
  };
  return EncodeTexts(work, pool_);
}

/// Under the name that the public header has for it.
class Embedder::Impl : public EmbedderImpl {
 public:
  using EmbedderImpl::EmbedderImpl;
};

Embedder Embedder::Load(const std::string& model, const EmbedderOptions& options) {
  return Embedder(std::make_unique<Impl>(model, options, CpuBackend()));
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

int64_t Embedder::OutputDimension(const EncodeOptions& options) const {
  return impl_->OutputDimension(options);
}
int64_t Embedder::dimension() const { return impl_->dimension(); }
int Embedder::threads() const { return impl_->threads(); }
const ModelInfo& Embedder::info() const { return impl_->info(); }
const Tokenizer& Embedder::tokenizer() const { return impl_->tokenizer(); }

}  // namespace bge
