#include "apps/pair_scorer.h"

#include "bge/late_interaction.h"

#include "apps/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bge::cli {
namespace {

void Add(const EncodeStats& stats, EncodeStats* total) {
  total->texts += stats.texts;
  total->truncated_texts += stats.truncated_texts;
}

class CrossEncoderScorer : public PairScorer {
 public:
  CrossEncoderScorer(const RerankerFlags& flags, const RunContext& context)
      : reranker_(LoadReranker(flags)), options_(ToRerankOptions(flags, context)) {}

  std::vector<float> Score(std::span<const TextPair> pairs,
                           const ProgressFunction& progress) override {
    options_.progress = progress;
    EncodeStats stats;
    std::vector<float> scores = reranker_.ComputeScore(pairs, options_, &stats);
    Add(stats, &total_);
    return scores;
  }

  void WarnOfCuts(std::string_view purpose) const override {
    if (total_.truncated_texts == 0 || options_.best_window) return;
    PrintWarning(
        fmt::format("{} of {} pairs were longer than {} tokens, or their queries than a query may "
                    "be, and were cut{}",
                    WithSeparators(total_.truncated_texts), WithSeparators(total_.texts),
                    reranker_.info().max_length, purpose));
  }

 private:
  const Reranker reranker_;
  RerankOptions options_;
  EncodeStats total_;
};

class LateInteractionScorer : public PairScorer {
 public:
  LateInteractionScorer(const RerankerFlags& flags, const RunContext& context)
      : embedder_(LoadTokenEmbedder(flags)) {
    options_.instruction = flags.instruction;
    options_.batch_tokens = flags.batch_tokens;
    options_.stop = context.stop;
  }

  std::vector<float> Score(std::span<const TextPair> pairs,
                           const ProgressFunction& progress) override {
    options_.progress = progress;
    EncodeStats stats;
    std::vector<float> scores = LateInteractionScores(embedder_, pairs, options_, &stats);
    Add(stats, &total_);
    return scores;
  }

  void WarnOfCuts(std::string_view purpose) const override {
    if (total_.truncated_texts == 0) return;
    PrintWarning(fmt::format(
        "{} of {} queries and passages were longer than {} and {} tokens and were cut{}",
        WithSeparators(total_.truncated_texts), WithSeparators(total_.texts),
        embedder_.info().query_length, embedder_.info().document_length, purpose));
  }

 private:
  const Embedder embedder_;
  LateInteractionOptions options_;
  EncodeStats total_;
};

// Of the options of a cross-encoder, those that a model of token vectors has nothing to do with.
void RefuseCrossEncoderFlags(const RerankerFlags& flags) {
  const std::pair<bool, const char*> given[] = {
      {flags.normalize, "--normalize"},
      {flags.raw, "--raw"},
      {flags.best_window, "--best-window"},
      {flags.query_max_length.has_value(), "--query-max-length"},
      {!flags.pair_style.empty(), "--pairs-as"}};
  for (const auto& [is_given, name] : given) {
    if (!is_given) continue;
    throw UsageError(
        fmt::format("option without effect: {}: the model is a ColBERT model, which reads queries "
                    "and passages apart and scores them by MaxSim",
                    name));
  }
}

}  // namespace

std::unique_ptr<PairScorer> LoadPairScorer(const RerankerFlags& flags, const RunContext& context) {
  if (flags.model.empty() || !IsLateInteraction(flags.model)) {
    return std::make_unique<CrossEncoderScorer>(flags, context);
  }
  RefuseCrossEncoderFlags(flags);
  return std::make_unique<LateInteractionScorer>(flags, context);
}

void KeepBest(int64_t top_k, std::vector<Hit>* hits) {
  std::stable_sort(hits->begin(), hits->end(),
                   [](const Hit& a, const Hit& b) { return a.score > b.score; });
  if (top_k > 0 && std::ssize(*hits) > top_k) hits->resize(static_cast<size_t>(top_k));
}

}  // namespace bge::cli
