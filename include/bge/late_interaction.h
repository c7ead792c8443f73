// Scores of queries and passages by the token vectors of a ColBERT model: what a Reranker does,
// with an Embedder.
#ifndef BGE_LATE_INTERACTION_H_
#define BGE_LATE_INTERACTION_H_

#include "bge/embedder.h"
#include "bge/export.h"
#include "bge/reranker.h"
#include "bge/types.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace bge {

/// Whether `model`, as Embedder::Load takes it, is a model of token vectors alone by its
/// configuration files: sentence-transformers', PyLate's or Stanford's ColBERT. Of files that
/// cannot be read it says no: who loads the model reports them. Thread-safe.
BGE_API bool IsLateInteraction(const std::string& model);

/// Settings of one call.
struct LateInteractionOptions {
  /// Text put before every query instead of the model's own, its marker included.
  std::optional<std::string> instruction = {};
  int64_t batch_tokens = 0;  ///< tokens computed together on a thread, 0 or more; 0: chosen
  /// Called from one thread with the pairs done so far.
  std::function<void(int64_t done, int64_t total)> progress = {};
  std::stop_token stop = {};  ///< a request to stop ends the call with Error(kCancelled)
};

/// One score a pair, in their order, by the similarity that the model names: MaxSim, or
/// ColbertScore where that is "meanmaxsim". Queries are read as Role::kQuery, passages as
/// Role::kDocument. A pair's score does not depend on the other pairs, nor on the number of threads
/// (to 1e-6 for each vector of the query). Texts that are equal are computed once among the pairs
/// of some 256 queries. Vectors are dropped once they are scored: no more are in memory than those
/// of so many queries, and of some hundred passages (more with more threads). `stats`, where it is
/// not null, says what was computed: texts are queries and passages. Error(kUnsupported) for a
/// model that makes other vectors.
BGE_API std::vector<float> LateInteractionScores(const Embedder& embedder,
                                                 std::span<const TextPair> pairs,
                                                 const LateInteractionOptions& options = {},
                                                 EncodeStats* stats = nullptr);

}  // namespace bge

#endif  // BGE_LATE_INTERACTION_H_
