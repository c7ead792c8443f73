// Queries first, then passages a chunk at a time, whose vectors are scored and dropped.
#include "bge/late_interaction.h"

#include "base/error.h"
#include "engine/model_files.h"
#include "engine/multi_vector_spec.h"
#include "engine/text_chunk.h"
#include "hub/cache.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace bge {

namespace {

// Queries whose vectors are kept at once: 4 MB of the usual 32 vectors of 128 values.
constexpr size_t kQueriesAtOnce = 256;

constexpr Representations kColbert = {.dense = false, .sparse = false, .colbert = true};

// Distinct texts in the order in which they were first added.
class DistinctTexts {
 public:
  size_t Add(std::string_view text) {
    const auto [it, is_new] = numbers_.try_emplace(text, texts_.size());
    if (is_new) texts_.push_back(text);
    return it->second;
  }
  bool Has(std::string_view text) const { return numbers_.contains(text); }
  size_t size() const { return texts_.size(); }
  std::span<const std::string_view> texts() const { return texts_; }

 private:
  std::unordered_map<std::string_view, size_t> numbers_;
  std::vector<std::string_view> texts_;
};

class Scoring {
 public:
  Scoring(const Embedder& embedder, std::span<const TextPair> pairs,
          const LateInteractionOptions& options)
      : embedder_(embedder),
        pairs_(pairs),
        options_(options),
        mean_(embedder.info().similarity == "meanmaxsim"),
        scores_(pairs.size()) {}

  void Run() {
    for (size_t begin = 0; begin < pairs_.size();) {
      DistinctTexts queries;
      size_t end = begin;
      for (; end < pairs_.size(); ++end) {
        const std::string_view query = pairs_[end].query;
        if (queries.size() == kQueriesAtOnce && !queries.Has(query)) break;
        queries.Add(query);
      }
      ScoreGroup(begin, end, &queries);
      begin = end;
    }
  }

  std::vector<float>& scores() { return scores_; }
  const EncodeStats& stats() const { return stats_; }

 private:
  struct Use {
    size_t pair;
    size_t query;
  };

  std::vector<MultiVector> Vectors(std::span<const std::string_view> texts, Role role) {
    EncodeOptions encode;
    encode.role = role;
    if (role == Role::kQuery) encode.instruction = options_.instruction;
    encode.batch_tokens = options_.batch_tokens;
    encode.stop = options_.stop;
    TextRepresentations made = embedder_.EncodeAll(texts, kColbert, encode);
    stats_.texts += made.stats.texts;
    stats_.tokens += made.stats.tokens;
    stats_.truncated_texts += made.stats.truncated_texts;
    stats_.max_length = std::max(stats_.max_length, made.stats.max_length);
    return std::move(made.colbert_vecs);
  }

  // The pairs [begin, end), which have these queries.
  void ScoreGroup(size_t begin, size_t end, DistinctTexts* queries) {
    DistinctTexts passages;
    std::vector<std::vector<Use>> uses;  // of each passage
    for (size_t i = begin; i < end; ++i) {
      const size_t passage = passages.Add(pairs_[i].passage);
      if (passage == uses.size()) uses.emplace_back();
      uses[passage].push_back({i, queries->Add(pairs_[i].query)});
    }
    const std::vector<MultiVector> of_queries = Vectors(queries->texts(), Role::kQuery);
    for (size_t first = 0; first < passages.size();) {
      const auto chunk = passages.texts().subspan(
          first, TextChunkSize(passages.texts(), first, embedder_.threads()));
      const std::vector<MultiVector> of_passages = Vectors(chunk, Role::kDocument);
      for (size_t i = 0; i < chunk.size(); ++i) {
        for (const Use& use : uses[first + i]) {
          const MultiVector& query = of_queries[use.query];
          scores_[use.pair] =
              mean_ ? ColbertScore(query, of_passages[i]) : MaxSim(query, of_passages[i]);
          ++done_;
        }
      }
      first += chunk.size();
      if (options_.progress) options_.progress(done_, std::ssize(pairs_));
    }
  }

  const Embedder& embedder_;
  const std::span<const TextPair> pairs_;
  const LateInteractionOptions& options_;
  const bool mean_;
  std::vector<float> scores_;
  int64_t done_ = 0;
  EncodeStats stats_;
};

}  // namespace

bool IsLateInteraction(const std::string& model) {
  try {
    ModelFiles files(ResolveModel(model));
    return FindMultiVectorLayout(&files).has_value();
  } catch (const Error&) {
    return false;
  }
}

std::vector<float> LateInteractionScores(const Embedder& embedder, std::span<const TextPair> pairs,
                                         const LateInteractionOptions& options,
                                         EncodeStats* stats) {
  if (embedder.info().query_length == 0) {
    Fail(ErrorCode::kUnsupported, "not a model of token vectors alone", embedder.info().path,
         "use a ColBERT model, or a reranker (Reranker)");
  }
  Scoring scoring(embedder, pairs, options);
  scoring.Run();
  if (stats != nullptr) *stats = scoring.stats();
  return std::move(scoring.scores());
}

}  // namespace bge
