// A model's tokenizer and encoder with what they run on: what Embedder and Reranker share.
#ifndef BGE_ENGINE_LOADED_TRANSFORMER_H_
#define BGE_ENGINE_LOADED_TRANSFORMER_H_

#include "bge/tokenizer.h"
#include "bge/types.h"

#include "base/json.h"
#include "base/keyed_hash.h"
#include "base/parallel.h"
#include "encoder/encoder.h"
#include "engine/tokenized_texts.h"
#include "engine/workspace_pool.h"
#include "kernels/backend.h"
#include "weights/weight_source.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bge {

/// How a model is run: the part of EmbedderOptions and RerankerOptions that is the same.
struct EngineOptions {
  int threads = 0;
  ComputeChoice compute_type = ComputeChoice::kDefault;
  std::string packed_cache = {};
  WeightRounding round_weights = WeightRounding::kNone;
  WarningSink on_warning = {};
};

/// Of EmbedderOptions or RerankerOptions.
template <typename Options>
EngineOptions EngineOptionsOf(const Options& options) {
  EngineOptions result = {.threads = options.threads,
                          .compute_type = options.compute_type,
                          .packed_cache = options.packed_cache,
                          .on_warning = options.on_warning};
  if constexpr (requires { options.round_weights; }) result.round_weights = options.round_weights;
  return result;
}

/// Where packed weights are kept: the options' folder, else the environment's.
PackedCacheOptions PackedCacheOf(const EngineOptions& options);

/// Error(kInvalidArgument) where options.threads is out of range.
void CheckThreads(const EngineOptions& options);

/// Whether the tokenizer of `dir` gives token types to the model. Where it does not, all are 0.
bool PassesTypes(const std::filesystem::path& dir);

/// Immutable and thread-safe; the pool and the workspaces are for calls of several threads.
class LoadedTransformer {
 public:
  /// `dir`: where config.json (`config` is its root), tokenizer and weights are. `backend` must
  /// outlive this. `first_tokens`: as MakeEncoder has it. `markers`: tokenizer::LoadOptions has
  /// what they are.
  LoadedTransformer(const std::filesystem::path& dir, json::Value config, bool lowercase_first,
                    const EngineOptions& options, const Backend& backend, bool first_tokens,
                    std::vector<std::string> markers = {});

  /// Of a model without a transformer: the tokenizer of `dir`, no weights, and an encoder that has
  /// no hidden states.
  LoadedTransformer(const std::filesystem::path& dir, const EngineOptions& options,
                    const Backend& backend);

  ThreadPool& pool() const { return pool_; }
  WorkspacePool& workspaces() const { return workspaces_; }
  const Backend& backend() const { return backend_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  /// Null without a transformer.
  const std::shared_ptr<const WeightSource>& weights() const { return weights_; }
  const Encoder& encoder() const { return *encoder_; }

  /// A TextTokenizer of this model without a prompt: keyed hash, and the check below.
  TextTokenizer MakeTextTokenizer(int64_t max_length, std::stop_token stop) const;
  /// Error(kCorruptData) for ids that the encoder does not take. A tokenizer of another model makes
  /// them, and so do a vocabulary or a post-processor that somebody has tampered with.
  void CheckTokens(std::span<const int32_t> ids) const;
  /// Tokens of a batch whose activations, and `extra_bytes` more a token, take a fair size.
  int64_t MaxBatchTokens(int64_t extra_bytes = 0) const;
  /// The tokenizer's and the weights' files, relative to `base`.
  std::vector<std::string> Files(const std::filesystem::path& base) const;

 private:
  mutable ThreadPool pool_;
  mutable WorkspacePool workspaces_;
  const Backend& backend_;
  const KeyedHash hash_ = KeyedHash::WithRandomKey();  // of token ids, to find repeated texts
  std::filesystem::path dir_;
  bool typed_;  // the tokenizer gives token types to the model
  Tokenizer tokenizer_;
  std::shared_ptr<const WeightSource> weights_;
  std::unique_ptr<const Encoder> encoder_;
};

}  // namespace bge

#endif  // BGE_ENGINE_LOADED_TRANSFORMER_H_
