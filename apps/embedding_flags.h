// The options that every command which embeds texts shares, and what they mean for the engine.
#ifndef BGE_APPS_EMBEDDING_FLAGS_H_
#define BGE_APPS_EMBEDDING_FLAGS_H_

#include "bge/embedder.h"

#include "apps/commands.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bge::cli {

/// Values as given on the command line.
struct EmbeddingFlags {
  std::string model;  ///< empty: DefaultModel()
  int threads = 0;
  std::string pooling;
  std::string dtype;         ///< f32, bf16, int8 or auto; empty: as the weights are stored
  std::string packed_cache;  ///< folder; empty: the environment's
  std::optional<int64_t> max_length;
  bool query = false;
  bool passage = false;
  std::optional<std::string> instruction;
  std::optional<std::string> prompt_name;
  bool no_normalize = false;
  std::optional<int64_t> truncate_dim;
  bool splade = false;
  std::optional<int64_t> max_active_dims;
  int64_t batch_tokens = 0;
  bool explain = false;
};

/// $BGE_MODEL, else "BAAI/bge-small-en-v1.5".
std::string DefaultModel();
/// --model, else the default.
std::string ModelOf(const EmbeddingFlags& flags);

/// --model
CLI::Option* AddModelFlag(CLI::App& app, std::string* model);
/// The same as a positional MODEL, or --model.
void AddModelArgument(CLI::App& app, std::string* model);
/// --dtype --packed-cache --batch-tokens
void AddComputeFlags(CLI::App& app, std::string* dtype, std::string* packed_cache,
                     int64_t* batch_tokens);
/// --threads --dtype --packed-cache --pooling --max-length --batch-tokens
void AddEngineFlags(CLI::App& app, EmbeddingFlags* flags);
/// --threads alone
void AddThreadsFlag(CLI::App& app, int* threads);
/// --query | --passage | --instruction S | --prompt-name N
void AddRoleFlags(CLI::App& app, EmbeddingFlags* flags);
/// --splade
void AddSpladeFlag(CLI::App& app, EmbeddingFlags* flags);
/// --max-active-dims
void AddSparseFlags(CLI::App& app, EmbeddingFlags* flags);
/// --explain (explain.h)
void AddExplainFlag(CLI::App& app, EmbeddingFlags* flags);
/// --no-normalize --truncate-dim
void AddVectorFlags(CLI::App& app, EmbeddingFlags* flags);

/// The options to load the model with; its warnings go to standard error.
EmbedderOptions ToEmbedderOptions(const EmbeddingFlags& flags);
/// Loads the model with them.
Embedder LoadEmbedder(const EmbeddingFlags& flags);
/// Whether a model's vectors are compared by their direction alone: all but those made for the
/// inner product, whose lengths mean something (similarity "dot" without a Normalize module).
bool NormalizesVectors(const ModelInfo& info);
/// The options of each encode call.
EncodeOptions ToEncodeOptions(const EmbeddingFlags& flags, const RunContext& context);

}  // namespace bge::cli

#endif  // BGE_APPS_EMBEDDING_FLAGS_H_
