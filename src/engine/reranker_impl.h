// The inside of Reranker. It has a header so that src/bench/ can run it on a backend that measures,
// and see tokenising apart; reranker.cc has the code.
#ifndef BGE_ENGINE_RERANKER_IMPL_H_
#define BGE_ENGINE_RERANKER_IMPL_H_

#include "bge/reranker.h"

#include "engine/loaded_transformer.h"
#include "engine/reranker_spec.h"
#include "heads/classification_head.h"
#include "kernels/backend.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bge {

/// A loaded model. Immutable and thread-safe, as Reranker, whose comments say what the calls do.
class RerankerImpl {
 public:
  /// Reranker::Load on `backend`, which must outlive it.
  RerankerImpl(const std::string& model, const RerankerOptions& options, const Backend& backend);

  std::vector<float> ComputeScore(std::span<const TextPair> pairs, const RerankOptions& options,
                                  EncodeStats* stats) const;
  /// Makes the tokens of a call on this thread, and nothing of them: how many there are.
  std::vector<float> Logits(const TokenSequences& sequences, const std::stop_token& stop) const;
  int64_t CountTokens(std::span<const TextPair> pairs, const RerankOptions& options) const;

  const RerankerInfo& info() const { return info_; }
  const Tokenizer& tokenizer() const { return model_.tokenizer(); }
  int threads() const { return model_.pool().threads(); }

 private:
  // A sequence to compute: the tokens of a passage, or a window of them, with those of its query.
  struct Item {
    int64_t pair;
    int64_t begin;  // of the passage's tokens, where they are cut into windows
    int64_t end;
  };
  struct Lengths {
    int64_t pair;
    int64_t query;
  };
  class Pairs;

  void SetMaxLength(const RerankerOptions& options);
  void FillInfo();
  Lengths LengthsFor(const RerankOptions& options) const;
  Matrix Pooled(const PackedBatch& batch, const OpContext& context) const;
  void ComputeBatch(const TokenizedTexts& sequences, std::span<const int64_t> batch,
                    const Pairs& pairs, std::span<float> logits) const;

  RerankerSpec spec_;
  LoadedTransformer model_;
  ClassificationHead head_;
  int64_t max_length_ = 0;
  RerankerInfo info_;
};

}  // namespace bge

#endif  // BGE_ENGINE_RERANKER_IMPL_H_
