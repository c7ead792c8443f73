// Reranker: pairs of texts to scores.
#include "bge/reranker.h"

#include "base/error.h"
#include "engine/encode_pipeline.h"
#include "engine/packed_batch.h"
#include "engine/reranker_impl.h"
#include "engine/token_batches.h"
#include "hub/pull.h"
#include "tokenizer/tokenizer_impl.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace bge {

namespace {

// FlagReranker's max_length, and the share of it that a query may take.
constexpr int64_t kFlagEmbeddingLength = 512;
constexpr int64_t QueryShare(int64_t max_length) { return max_length * 3 / 4; }

RerankerSpec ReadSpec(const std::string& model, const RerankerOptions& options) {
  CheckThreads(EngineOptionsOf(options));
  RerankerSpec spec = ReadRerankerSpec(ResolveModel(model, options.download, options.stop));
  if (options.pair_style) {
    spec.pair_style = *options.pair_style;
    spec.pair_style_source = "the caller's option";
  }
  return spec;
}

std::string_view ActivationName(Activation activation) {
  switch (activation) {
    case Activation::kIdentity:
      return "identity";
    case Activation::kTanh:
      return "tanh";
    default:
      return "sigmoid";
  }
}

// In double, as Python does it.
float Apply(Activation activation, float logit) {
  switch (activation) {
    case Activation::kIdentity:
      return logit;
    case Activation::kTanh:
      return static_cast<float>(std::tanh(static_cast<double>(logit)));
    default:
      return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(logit))));
  }
}

// Tokens of a text without special tokens.
struct TextTokens {
  std::vector<int32_t> ids;
  bool truncated = false;
};

}  // namespace

bool IsReranker(const std::string& model) {
  try {
    return DescribesReranker(ResolveModel(model));
  } catch (const Error&) {
    return false;
  }
}

std::string_view PairStyleName(PairStyle style) {
  return style == PairStyle::kCrossEncoder ? "crossencoder" : "flagembedding";
}

RerankerImpl::RerankerImpl(const std::string& model, const RerankerOptions& options,
                           const Backend& backend)
    : spec_(ReadSpec(model, options)),
      model_(spec_.transformer_dir, spec_.config->root(), spec_.do_lower_case,
             EngineOptionsOf(options), backend, /*first_tokens=*/true),
      head_(spec_.config->root(), model_.encoder().info().hidden_size, model_.weights(), backend) {
  SetMaxLength(options);
  FillInfo();
}

void RerankerImpl::SetMaxLength(const RerankerOptions& options) {
  const int64_t longest = model_.encoder().info().max_tokens;
  max_length_ = std::min(spec_.max_length, longest);
  // Parity: FlagReranker does not ask the files.
  if (spec_.pair_style == PairStyle::kFlagEmbedding && longest >= kFlagEmbeddingLength) {
    max_length_ = kFlagEmbeddingLength;
    spec_.max_length_source = "FlagReranker's default";
  }
  if (options.max_length) {
    max_length_ = LengthsFor({.max_length = options.max_length}).pair;
    spec_.max_length_source = "the caller's option";
  }
}

RerankerImpl::Lengths RerankerImpl::LengthsFor(const RerankOptions& options) const {
  const int64_t longest = model_.encoder().info().max_tokens;
  const int64_t special = tokenizer().num_special_tokens(/*pair=*/true);
  const int64_t pair = options.max_length.value_or(max_length_);
  const auto require = [&](int64_t found, int64_t least, int64_t most, const char* what) {
    if (found >= least && found <= most) return;
    Fail(ErrorCode::kInvalidArgument, std::string(what) + " out of range",
         "found " + std::to_string(found) + ", expected " + std::to_string(least) + " to " +
             std::to_string(most) + " for " + spec_.name,
         "give a length within that range");
  };
  require(pair, special + 2, longest, "max_length");
  if (spec_.pair_style == PairStyle::kCrossEncoder) {
    if (options.query_max_length) {
      Fail(ErrorCode::kInvalidArgument, "option without effect",
           "query_max_length: pairs are cut as CrossEncoder does, the longer text first",
           "leave it out (--query-max-length)");
    }
    return {pair, pair};
  }
  // One token at least is left for the passage.
  const int64_t most = pair - special - 1;
  if (options.query_max_length) require(*options.query_max_length, 1, most, "query_max_length");
  return {pair, options.query_max_length.value_or(std::min(QueryShare(pair), most))};
}

void RerankerImpl::FillInfo() {
  const EncoderInfo& encoder = model_.encoder().info();
  info_.path = spec_.dir.string();
  info_.encoder_path = spec_.transformer_dir.string();
  info_.name = spec_.name;
  info_.architecture = encoder.architecture;
  info_.num_layers = encoder.num_layers;
  info_.hidden_size = encoder.hidden_size;
  info_.num_heads = encoder.num_heads;
  info_.intermediate_size = encoder.intermediate_size;
  info_.vocab_size = encoder.vocab_size;
  info_.num_parameters = encoder.num_parameters + head_.num_parameters();
  info_.weights_dtype = encoder.weights_dtype;
  info_.compute_type = encoder.compute_type;
  info_.pair_style = spec_.pair_style;
  info_.pair_style_source = spec_.pair_style_source;
  info_.max_length = max_length_;
  info_.max_length_source = spec_.max_length_source;
  info_.max_positions = model_.encoder().info().max_tokens;
  info_.activation = ActivationName(spec_.activation);
  info_.activation_source = spec_.activation_source;
  info_.default_prompt = spec_.default_prompt;
  info_.files = spec_.files;
  for (std::string& file : model_.Files(spec_.dir)) info_.files.push_back(std::move(file));
}

// The pairs of a call as token sequences. Queries are tokenised once, however many passages each
// has; passages when their sequence is made, but for windows, whose number depends on their tokens.
class RerankerImpl::Pairs {
 public:
  Pairs(const RerankerImpl& reranker, std::span<const TextPair> pairs, const RerankOptions& options)
      : reranker_(reranker),
        pairs_(pairs),
        options_(options),
        lengths_(reranker.LengthsFor(options)) {
    TokenizeQueries();
    if (options.best_window) {
      TokenizePassages();
    } else {
      for (int64_t i = 0; i < std::ssize(pairs); ++i) items_.push_back({i, 0, 0});
    }
    for (const Item& item : items_) texts_.push_back(PairOf(item).passage);
  }

  std::span<const Item> items() const { return items_; }
  /// Tokens of a query, on average.
  int64_t query_tokens() const {
    int64_t total = 0;
    for (const TextTokens& query : queries_) total += std::ssize(query.ids);
    return queries_.empty() ? 0 : total / std::ssize(queries_);
  }
  /// A text for each item, for guesses of its length.
  std::span<const std::string_view> texts() const { return texts_; }

  void Encode(int64_t index, Encoding* encoding) const {
    const Item& item = items_[static_cast<size_t>(index)];
    const TextTokens& query = QueryOf(item);
    const bool flag_embedding = reranker_.spec_.pair_style == PairStyle::kFlagEmbedding;
    const TokenizeOptions join = {.max_length = lengths_.pair,
                                  .strategy = flag_embedding ? TruncationStrategy::kOnlySecond
                                                             : TruncationStrategy::kLongestFirst,
                                  .stop = options_.stop};
    const auto& impl = reranker_.tokenizer().impl();
    if (options_.best_window) {
      const TextTokens& passage = passages_[static_cast<size_t>(item.pair)];
      const auto window =
          std::span(passage.ids)
              .subspan(static_cast<size_t>(item.begin), static_cast<size_t>(item.end - item.begin));
      impl.JoinPair(query.ids, window, query.truncated, join, encoding);
      return;
    }
    const TextTokens passage = Tokenize(PairOf(item).passage, PassageLimit(query, flag_embedding));
    impl.JoinPair(query.ids, passage.ids, query.truncated || passage.truncated, join, encoding);
  }

 private:
  const TextPair& PairOf(const Item& item) const { return pairs_[static_cast<size_t>(item.pair)]; }
  const TextTokens& QueryOf(const Item& item) const {
    return queries_[query_of_pair_[static_cast<size_t>(item.pair)]];
  }

  // Tokens of a passage beyond which nothing about it matters.
  std::optional<int64_t> PassageLimit(const TextTokens& query, bool flag_embedding) const {
    if (flag_embedding) return lengths_.pair;
    if (reranker_.tokenizer().impl().truncates_left()) return std::nullopt;
    // The longer text is cut first: one token more than the query and the limit says all.
    return std::max<int64_t>(std::ssize(query.ids), lengths_.pair) + 1;
  }

  TextTokens Tokenize(std::string_view text, std::optional<int64_t> max_length) const {
    Encoding encoding = reranker_.tokenizer().Encode(
        text, {.add_special_tokens = false, .max_length = max_length, .stop = options_.stop});
    return {std::move(encoding.ids), encoding.truncated};
  }

  void TokenizeQueries() {
    const bool flag_embedding = reranker_.spec_.pair_style == PairStyle::kFlagEmbedding;
    // A window needs room beside the query, whatever the style.
    const bool cut = flag_embedding || options_.best_window;
    const int64_t most = flag_embedding ? lengths_.query : QueryShare(lengths_.pair);
    const std::string prompt =
        options_.instruction.value_or(flag_embedding ? "" : reranker_.spec_.default_prompt);
    std::unordered_map<std::string_view, size_t> seen;
    std::vector<std::string_view> distinct;
    query_of_pair_.reserve(pairs_.size());
    for (const TextPair& pair : pairs_) {
      const auto [it, is_new] = seen.try_emplace(pair.query, distinct.size());
      if (is_new) distinct.push_back(pair.query);
      query_of_pair_.push_back(it->second);
    }
    queries_.resize(distinct.size());
    reranker_.model_.pool().ParallelForEach(std::ssize(distinct), [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      queries_[at] =
          Tokenize(prompt + std::string(distinct[at]), cut ? std::optional(most) : std::nullopt);
    });
  }

  void TokenizePassages() {
    passages_.resize(pairs_.size());
    reranker_.model_.pool().ParallelForEach(std::ssize(pairs_), [&](int64_t i) {
      passages_[static_cast<size_t>(i)] =
          Tokenize(pairs_[static_cast<size_t>(i)].passage, std::nullopt);
    });
    const int64_t special = reranker_.tokenizer().num_special_tokens(/*pair=*/true);
    for (int64_t i = 0; i < std::ssize(pairs_); ++i) {
      const auto tokens = std::ssize(passages_[static_cast<size_t>(i)].ids);
      const auto query = std::ssize(QueryOf({i, 0, 0}).ids);
      const int64_t room = std::max<int64_t>(1, lengths_.pair - special - query);
      const int64_t step = std::max<int64_t>(1, room / 2);
      // The last window is whole: it ends where the passage does.
      for (int64_t begin = 0;; begin += step) {
        if (begin + room >= tokens) {
          items_.push_back({i, std::max<int64_t>(0, tokens - room), tokens});
          break;
        }
        items_.push_back({i, begin, begin + room});
      }
    }
  }

  const RerankerImpl& reranker_;
  std::span<const TextPair> pairs_;
  const RerankOptions& options_;
  const Lengths lengths_;
  std::vector<TextTokens> queries_;
  std::vector<size_t> query_of_pair_;
  std::vector<TextTokens> passages_;  // with windows only
  std::vector<Item> items_;
  std::vector<std::string_view> texts_;
};

// What the head scores: [N, H].
Matrix RerankerImpl::Pooled(const PackedBatch& batch, const OpContext& context) const {
  const Encoder& encoder = model_.encoder();
  if (head_.pooling() == Pooling::kCls) return encoder.ForwardFirstTokens(batch, context);
  const Matrix hidden = encoder.Forward(batch, context);
  const Matrix pooled = context.workspace.NewMatrix(batch.num_sequences(), hidden.cols);
  std::vector<PoolRange> ranges;
  for (size_t n = 1; n < batch.cu_seqlens.size(); ++n) {
    ranges.push_back({batch.cu_seqlens[n - 1], batch.cu_seqlens[n - 1], batch.cu_seqlens[n]});
  }
  model_.backend().Pool(context, hidden, ranges, head_.pooling(), pooled);
  return pooled;
}

void RerankerImpl::ComputeBatch(const TokenizedTexts& sequences, std::span<const int64_t> batch,
                                const Pairs& pairs, std::span<float> logits) const {
  const auto name = [&](size_t n) {
    return info_.path + ": pair " +
           std::to_string(pairs.items()[static_cast<size_t>(batch[n])].pair) + " of the call";
  };
  for (size_t n = 0; n < batch.size(); ++n) {
    if (sequences.length(batch[n]) > 0) continue;
    Fail(ErrorCode::kCorruptData, "the tokenizer makes no token of a pair", name(n),
         "a reranker's tokenizer has a post_processor that adds some: use the model's own");
  }
  WorkspacePool::Lease workspace(&model_.workspaces());
  const OpContext context = {.pool = model_.pool(), .workspace = *workspace};
  const PackedTokens packed(sequences, batch);
  std::vector<float> scores(batch.size());
  head_.Run(context, Pooled(packed.batch(), context), scores);
  for (size_t n = 0; n < batch.size(); ++n) {
    if (!std::isfinite(scores[n])) {
      Fail(ErrorCode::kCorruptData, "the model computes values that are not finite", name(n),
           "the weights are damaged: download them again");
    }
    logits[static_cast<size_t>(batch[n])] = scores[n];
  }
}

int64_t RerankerImpl::CountTokens(std::span<const TextPair> pairs,
                                  const RerankOptions& options) const {
  const Pairs sequences(*this, pairs, options);
  Encoding encoding;
  int64_t tokens = 0;
  for (int64_t i = 0; i < std::ssize(sequences.items()); ++i) {
    sequences.Encode(i, &encoding);
    tokens += std::ssize(encoding.ids);
  }
  return tokens;
}

std::vector<float> RerankerImpl::ComputeScore(std::span<const TextPair> pairs,
                                              const RerankOptions& options,
                                              EncodeStats* stats) const {
  const Pairs sequences(*this, pairs, options);
  std::vector<float> logits(sequences.items().size());
  TextTokenizer tokenizer = model_.MakeTextTokenizer(LengthsFor(options).pair, options.stop);
  tokenizer.encode = [&sequences](int64_t item, Encoding* encoding) {
    sequences.Encode(item, encoding);
  };
  EncodeWork work = {
      .texts = sequences.texts(),
      .tokenizer = tokenizer,
      .extra_tokens = sequences.query_tokens(),
      .batch_tokens = options.batch_tokens,
      .max_batch_tokens = model_.MaxBatchTokens(),
      .compute =
          [&](const TokenizedTexts& window, std::span<const int64_t> batch) {
            ComputeBatch(window, batch, sequences, logits);
          },
      .copy =
          [&](int64_t from, int64_t to) {
            logits[static_cast<size_t>(to)] = logits[static_cast<size_t>(from)];
          },
      .stop = options.stop,
  };
  if (options.progress) {
    // Of windows, their share of the pairs.
    work.progress = [&](int64_t done, int64_t total) {
      options.progress(done * std::ssize(pairs) / std::max<int64_t>(1, total), std::ssize(pairs));
    };
  }
  const EncodeStats done = EncodeTexts(work, model_.pool());
  if (stats != nullptr) *stats = done;

  const Activation style =
      spec_.pair_style == PairStyle::kCrossEncoder ? spec_.activation : Activation::kIdentity;
  const Activation activation = !options.normalize   ? style
                                : *options.normalize ? Activation::kSigmoid
                                                     : Activation::kIdentity;
  std::vector<float> scores(pairs.size(), -INFINITY);
  for (size_t i = 0; i < logits.size(); ++i) {
    float& score = scores[static_cast<size_t>(sequences.items()[i].pair)];
    score = std::max(score, Apply(activation, logits[i]));
  }
  return scores;
}

std::vector<float> RerankerImpl::Logits(const TokenSequences& sequences,
                                        const std::stop_token& stop) const {
  std::vector<float> logits(std::max<size_t>(1, sequences.cu_seqlens.size()) - 1);
  ForEachTokenBatch(model_, sequences, stop,
                    [&](const PackedBatch& batch, int64_t first, const OpContext& context) {
                      head_.Run(
                          context, Pooled(batch, context),
                          std::span(logits).subspan(static_cast<size_t>(first),
                                                    static_cast<size_t>(batch.num_sequences())));
                    });
  return logits;
}

/// Under the name that the public header has for it.
class Reranker::Impl : public RerankerImpl {
 public:
  using RerankerImpl::RerankerImpl;
};

Reranker Reranker::Load(const std::string& model, const RerankerOptions& options) {
  return Reranker(std::make_unique<const Impl>(model, options, CpuBackend()));
}

RerankerInfo Reranker::Inspect(const std::string& model, const RerankerOptions& options) {
  return RerankerImpl(model, options, SizesOnlyBackend()).info();
}

Reranker::Reranker(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Reranker::Reranker(Reranker&&) noexcept = default;
Reranker& Reranker::operator=(Reranker&&) noexcept = default;
Reranker::~Reranker() = default;

std::vector<float> Reranker::Logits(const TokenSequences& sequences, std::stop_token stop) const {
  return impl_->Logits(sequences, stop);
}

std::vector<float> Reranker::ComputeScore(std::span<const TextPair> pairs,
                                          const RerankOptions& options, EncodeStats* stats) const {
  return impl_->ComputeScore(pairs, options, stats);
}

std::vector<float> Reranker::ComputeScore(std::initializer_list<TextPair> pairs,
                                          const RerankOptions& options) const {
  return ComputeScore(std::span<const TextPair>(pairs.begin(), pairs.size()), options);
}

std::vector<float> Reranker::ComputeScore(std::string_view query,
                                          std::span<const std::string> passages,
                                          const RerankOptions& options, EncodeStats* stats) const {
  std::vector<TextPair> pairs;
  pairs.reserve(passages.size());
  for (const std::string& passage : passages) pairs.push_back({query, passage});
  return impl_->ComputeScore(pairs, options, stats);
}

namespace {

// Best first.
std::vector<RankedPassage> Ranked(std::span<const float> scores, int64_t top_k) {
  std::vector<RankedPassage> ranked;
  ranked.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    ranked.push_back({static_cast<int64_t>(i), scores[i]});
  }
  std::stable_sort(
      ranked.begin(), ranked.end(),
      [](const RankedPassage& a, const RankedPassage& b) { return a.score > b.score; });
  if (top_k > 0 && static_cast<size_t>(top_k) < ranked.size()) {
    ranked.resize(static_cast<size_t>(top_k));
  }
  return ranked;
}

}  // namespace

std::vector<RankedPassage> Reranker::Rank(std::string_view query,
                                          std::span<const std::string> passages, int64_t top_k,
                                          const RerankOptions& options, EncodeStats* stats) const {
  return Ranked(ComputeScore(query, passages, options, stats), top_k);
}

std::vector<RankedPassage> Reranker::Rank(std::string_view query,
                                          std::initializer_list<std::string_view> passages,
                                          int64_t top_k, const RerankOptions& options) const {
  std::vector<TextPair> pairs;
  for (const std::string_view passage : passages) pairs.push_back({query, passage});
  return Ranked(ComputeScore(std::span<const TextPair>(pairs), options), top_k);
}

int Reranker::threads() const { return impl_->threads(); }
const RerankerInfo& Reranker::info() const { return impl_->info(); }
const Tokenizer& Reranker::tokenizer() const { return impl_->tokenizer(); }

}  // namespace bge
