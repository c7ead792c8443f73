// What `bge rerank` and `bge search --rerank` score pairs with: a cross-encoder, or a ColBERT model
// by MaxSim.
#ifndef BGE_APPS_PAIR_SCORER_H_
#define BGE_APPS_PAIR_SCORER_H_

#include "bge/index.h"
#include "bge/types.h"

#include "apps/commands.h"
#include "apps/reranker_flags.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace bge::cli {

/// Single thread.
class PairScorer {
 public:
  using ProgressFunction = std::function<void(int64_t done, int64_t total)>;

  virtual ~PairScorer() = default;
  /// One score a pair, in their order. `progress` is told of pairs; it may be empty.
  virtual std::vector<float> Score(std::span<const TextPair> pairs,
                                   const ProgressFunction& progress) = 0;
  /// Prints a warning where texts were cut. `purpose` ends its sentence: "" or " to rerank".
  virtual void WarnOfCuts(std::string_view purpose) const = 0;
};

/// Loads the model that the flags name. UsageError for options that it does not have.
std::unique_ptr<PairScorer> LoadPairScorer(const RerankerFlags& flags, const RunContext& context);

/// Best first, of equal scores the first one; the best `top_k` alone (0: all).
void KeepBest(int64_t top_k, std::vector<Hit>* hits);

}  // namespace bge::cli

#endif  // BGE_APPS_PAIR_SCORER_H_
