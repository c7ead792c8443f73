#include "engine/loaded_transformer.h"

#include "bge/embedder.h"

#include "base/cpu_limits.h"
#include "base/env.h"
#include "base/error.h"
#include "engine/model_files.h"
#include "engine/no_encoder.h"
#include "tokenizer/load.h"
#include "weights/rounded.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace bge {

namespace {

// Activations of one batch, unless one text alone needs more. The usual batch takes a twentieth of
// it with the largest BERT; the limit is for strange shapes and a caller's batch_tokens.
constexpr int64_t kMaxBatchBytes = 256 << 20;

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
ComputeType ChooseComputeType(const EngineOptions& options, const WeightSource& weights,
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

// Parity: transformers passes what model_input_names of tokenizer_config.json lists; without it a
// BERT tokenizer passes types.
bool PassesTypes(const std::filesystem::path& dir) {
  ModelFiles files(dir);
  const auto config = files.Find("tokenizer_config.json");
  const auto names = config ? config->root().FindNonNull("model_input_names") : std::nullopt;
  if (!names || !names->is_array()) return true;
  bool found = false;
  names->ForEachElement([&found](json::Value name) {
    found = found || (name.is_string() && name.AsString() == "token_type_ids");
  });
  return found;
}

PackedCacheOptions PackedCacheOf(const EngineOptions& options) {
  return {.folder = options.packed_cache.empty() ? GetEnv("BGE_PACKED_CACHE").value_or("")
                                                 : options.packed_cache,
          .on_warning = options.on_warning};
}

void CheckThreads(const EngineOptions& options) {
  if (options.threads >= 0 && options.threads <= kMaxThreads) return;
  Fail(
      ErrorCode::kInvalidArgument, "number of threads out of range",
      "found " + std::to_string(options.threads) + ", expected 0 to " + std::to_string(kMaxThreads),
      "give 0 for one a physical core");
}

LoadedTransformer::LoadedTransformer(const std::filesystem::path& dir, json::Value config,
                                     bool lowercase_first, const EngineOptions& options,
                                     const Backend& backend, bool first_tokens,
                                     std::vector<std::string> markers)
    : pool_(options.threads > 0 ? options.threads : DefaultThreads()),
      backend_(backend),
      dir_(dir),
      typed_(PassesTypes(dir)),
      tokenizer_(tokenizer::LoadTokenizer(dir, {.lowercase_first = lowercase_first,
                                                .on_warning = options.on_warning,
                                                .markers = std::move(markers)})),
      weights_(RoundWeights(OpenWeights(dir), options.round_weights, &pool_)),
      encoder_(MakeEncoder(config, weights_, ChooseComputeType(options, *weights_, backend_),
                           backend_, pool_, PackedCacheOf(options), first_tokens)) {}

LoadedTransformer::LoadedTransformer(const std::filesystem::path& dir, const EngineOptions& options,
                                     const Backend& backend)
    : pool_(options.threads > 0 ? options.threads : DefaultThreads()),
      backend_(backend),
      dir_(dir),
      typed_(false),
      tokenizer_(tokenizer::LoadTokenizer(dir, {.on_warning = options.on_warning})),
      encoder_(std::make_unique<const NoEncoder>(dir.string(), tokenizer_.vocab_size())) {}

TextTokenizer LoadedTransformer::MakeTextTokenizer(int64_t max_length, std::stop_token stop) const {
  return {.tokenizer = tokenizer_,
          .prompt = {},
          .max_length = max_length,
          .stop = std::move(stop),
          .hash = hash_,
          .encode = {},
          .filling = {},
          .typed = typed_,
          .check = [this](std::span<const int32_t> ids) { CheckTokens(ids); }};
}

void LoadedTransformer::CheckTokens(std::span<const int32_t> ids) const {
  const auto vocab_size = static_cast<uint32_t>(encoder_->info().vocab_size);
  uint32_t largest = 0;
  for (const int32_t id : ids) largest = std::max(largest, static_cast<uint32_t>(id));
  if (largest >= vocab_size) {
    Fail(ErrorCode::kCorruptData, "token id is outside the model's vocabulary",
         dir_.string() + ": the tokenizer gives " + std::to_string(largest) +
             ", expected less than " + std::to_string(vocab_size) + " (vocab_size of config.json)",
         "use the tokenizer that belongs to the model");
  }
  if (static_cast<int64_t>(ids.size()) > encoder_->info().max_tokens) {
    Fail(ErrorCode::kCorruptData, "the tokenizer gives more tokens than the model has positions",
         dir_.string() + ": post_processor of tokenizer.json: found " + std::to_string(ids.size()) +
             " tokens, expected at most " + std::to_string(encoder_->info().max_tokens),
         "use the tokenizer that belongs to the model");
  }
}

int64_t LoadedTransformer::MaxBatchTokens(int64_t extra_bytes) const {
  return std::max<int64_t>(
      1, kMaxBatchBytes / (encoder_->info().activation_bytes_per_token + extra_bytes));
}

std::vector<std::string> LoadedTransformer::Files(const std::filesystem::path& base) const {
  std::vector<std::string> files;
  if (const auto file = TokenizerFile(dir_)) {
    files.push_back(file->lexically_relative(base).string());
  }
  if (weights_ == nullptr) return files;
  for (const std::string& file : weights_->Files()) {
    files.push_back((dir_ / file).lexically_relative(base).string());
  }
  return files;
}

}  // namespace bge
