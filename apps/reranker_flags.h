// The options of commands that score pairs of texts with a reranker, or a ColBERT model.
#ifndef BGE_APPS_RERANKER_FLAGS_H_
#define BGE_APPS_RERANKER_FLAGS_H_

#include "bge/embedder.h"
#include "bge/reranker.h"

#include "apps/commands.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bge::cli {

/// Values as given on the command line.
struct RerankerFlags {
  std::string model = {};  ///< empty: BAAI/bge-reranker-base
  int threads = 0;
  std::string dtype = {};         ///< f32, bf16, int8 or auto; empty: as the weights are stored
  std::string packed_cache = {};  ///< folder; empty: the environment's
  std::string pair_style = {};    ///< flagembedding, crossencoder; empty: as the directory says
  std::optional<int64_t> max_length = {};
  std::optional<int64_t> query_max_length = {};
  std::optional<std::string> instruction = {};
  bool normalize = false;
  bool raw = false;
  bool best_window = false;
  int64_t batch_tokens = 0;
};

/// All of them.
void AddRerankerFlags(CLI::App& app, RerankerFlags* flags);

Reranker LoadReranker(const RerankerFlags& flags);
/// The model where it is one of token vectors (ColBERT).
Embedder LoadTokenEmbedder(const RerankerFlags& flags);
/// The options of each call.
RerankOptions ToRerankOptions(const RerankerFlags& flags, const RunContext& context);

}  // namespace bge::cli

#endif  // BGE_APPS_RERANKER_FLAGS_H_
