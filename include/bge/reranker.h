// Scores of queries and passages with a cross-encoder: bge-reranker-base, -large, -v2-m3, and other
// sequence classifiers of one label.
#ifndef BGE_RERANKER_H_
#define BGE_RERANKER_H_

#include "bge/export.h"
#include "bge/token_sequences.h"
#include "bge/tokenizer.h"
#include "bge/types.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// How a query and a passage become one sequence of tokens, and what a score is by default.
enum class PairStyle {
  /// FlagReranker: the query is cut to query_max_length, then the passage to what is left of
  /// max_length (512 unless a call says otherwise). Scores are raw logits.
  kFlagEmbedding,
  /// sentence-transformers' CrossEncoder: the longer of the two loses tokens until both fit. Scores
  /// are what the model's activation makes of the logit, mostly a sigmoid.
  kCrossEncoder,
};

struct RerankerOptions {
  int threads = 0;  ///< as EmbedderOptions::threads
  /// nullopt: kCrossEncoder where the directory is one of sentence-transformers' CrossEncoders,
  /// else kFlagEmbedding.
  std::optional<PairStyle> pair_style = {};
  std::optional<int64_t> max_length = {};  ///< tokens of a pair, special tokens included
  ComputeChoice compute_type = ComputeChoice::kDefault;
  std::string packed_cache = {};  ///< as EmbedderOptions::packed_cache
  bool download = false;          ///< as EmbedderOptions::download
  std::stop_token stop = {};      ///< as EmbedderOptions::stop
  WarningSink on_warning = {};
};

/// Settings of one call.
struct RerankOptions {
  /// true: 1 / (1 + exp(-logit)); false: the logit; nullopt: as the pair style says.
  std::optional<bool> normalize = {};
  std::optional<int64_t> max_length = {};
  /// Tokens of the query; nullopt: three quarters of max_length. kFlagEmbedding only.
  std::optional<int64_t> query_max_length = {};
  /// Text put before every query; nullopt: with kCrossEncoder the model's default prompt, which few
  /// have.
  std::optional<std::string> instruction = {};
  /// A passage that is too long is not cut: windows of it, each half a window after the one
  /// before, are scored, and the best counts.
  bool best_window = false;
  int64_t batch_tokens = 0;  ///< tokens computed together on a thread, 0 or more; 0: chosen
  /// Called from one thread at a time with the pairs done so far.
  std::function<void(int64_t done, int64_t total)> progress = {};
  std::stop_token stop = {};  ///< a request to stop ends the call with Error(kCancelled)
};

struct TextPair {
  std::string_view query;
  std::string_view passage;
};

/// What a reranker is, and where each setting came from.
struct RerankerInfo {
  std::string path;
  std::string encoder_path;  ///< as ModelInfo's
  std::string name;
  std::string architecture;
  int64_t num_layers = 0;
  int64_t hidden_size = 0;
  int64_t num_heads = 0;
  int64_t intermediate_size = 0;
  int64_t vocab_size = 0;
  int64_t num_parameters = 0;
  std::string weights_dtype;
  ComputeType compute_type = ComputeType::kFloat32;
  PairStyle pair_style = PairStyle::kFlagEmbedding;
  std::string pair_style_source;
  int64_t max_length = 0;
  std::string max_length_source;
  int64_t max_positions = 0;  ///< the most that RerankOptions::max_length may be
  std::string activation;     ///< of kCrossEncoder: "sigmoid", "identity", "tanh"
  std::string activation_source;
  std::string default_prompt;  ///< what is put before queries; empty: nothing
  std::vector<std::string> files;
};

struct RankedPassage {
  int64_t index;  ///< in the passages of the call
  float score;
};

/// A loaded reranker. Immutable; every method may be called from several threads at once.
class BGE_API Reranker {
 public:
  /// As Embedder::Load. Error(kUnsupported) for a model that is no sequence classifier of one
  /// label.
  static Reranker Load(const std::string& model, const RerankerOptions& options = {});
  /// As Embedder::Inspect.
  static RerankerInfo Inspect(const std::string& model, const RerankerOptions& options = {});

  Reranker(Reranker&&) noexcept;
  Reranker& operator=(Reranker&&) noexcept;
  ~Reranker();

  /// One score a pair, in their order. A pair's score does not depend on the other pairs of the
  /// call, nor on the number of threads (to 1e-6).
  /// `stats`, where it is not null, says what was done: of windows each counts as a text.
  std::vector<float> ComputeScore(std::span<const TextPair> pairs,
                                  const RerankOptions& options = {},
                                  EncodeStats* stats = nullptr) const;
  std::vector<float> ComputeScore(std::initializer_list<TextPair> pairs,
                                  const RerankOptions& options = {}) const;
  /// The same for many passages of one query, which is tokenised once.
  std::vector<float> ComputeScore(std::string_view query, std::span<const std::string> passages,
                                  const RerankOptions& options = {},
                                  EncodeStats* stats = nullptr) const;

  /// The best `top_k` passages (0: all), best first; of equal scores the first of the call.
  std::vector<RankedPassage> Rank(std::string_view query, std::span<const std::string> passages,
                                  int64_t top_k = 0, const RerankOptions& options = {},
                                  EncodeStats* stats = nullptr) const;
  std::vector<RankedPassage> Rank(std::string_view query,
                                  std::initializer_list<std::string_view> passages,
                                  int64_t top_k = 0, const RerankOptions& options = {}) const;

  /// The classifier's logits of tokens that are given as they are, one a sequence: what
  /// transformers' AutoModelForSequenceClassification has. Throws kInvalidArgument as
  /// Embedder::HiddenStates.
  std::vector<float> Logits(const TokenSequences& sequences, std::stop_token stop = {}) const;

  int threads() const;
  const RerankerInfo& info() const;
  const Tokenizer& tokenizer() const;

 private:
  class Impl;
  explicit Reranker(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// Whether `model`, as Reranker::Load takes it, is a reranker by its configuration files: a
/// sequence classifier of one label, or a CrossEncoder. Of files that cannot be read it says no:
/// who loads the model reports them. Thread-safe.
BGE_API bool IsReranker(const std::string& model);

/// "flagembedding", "crossencoder".
BGE_API std::string_view PairStyleName(PairStyle style);

}  // namespace bge

#endif  // BGE_RERANKER_H_
