#include "bench/measured_model.h"

#include "base/error.h"
#include "engine/embedder_impl.h"
#include "engine/reranker_impl.h"
#include "engine/text_chunk.h"
#include "kernels/backend.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace bge {

namespace {

// 12 tokens of BERT's English vocabulary. The other engines get the same one.
constexpr std::string_view kQuery = "what is the effect of vitamin d on bone density";
// What a reranker scores for it, of 26 tokens: about as many as SciFact's sentences have.
constexpr std::string_view kPassage =
    "Vitamin D supplements raised the density of the bones of the hip in older women who had "
    "little of it before the trial began";

template <typename Info>
MeasuredModelInfo InfoOf(const Info& info) {
  MeasuredModelInfo result;
  result.name = info.name;
  result.num_layers = info.num_layers;
  result.hidden_size = info.hidden_size;
  result.intermediate_size = info.intermediate_size;
  result.max_length = info.max_length;
  result.compute_type = info.compute_type;
  return result;
}

int64_t TokensOf(std::span<const std::string_view> texts, const TextTokenizer& tokenizer) {
  TokenizedTexts tokens(texts, 0, std::ssize(texts));
  for (int64_t b = 0; b < tokens.num_blocks(); ++b) tokens.TokenizeBlock(tokenizer, b);
  return tokens.total_tokens();
}

class MeasuredEmbedder : public MeasuredModel {
 public:
  MeasuredEmbedder(const MeasuredModelOptions& options, std::span<const std::string_view> texts,
                   const Backend& backend)
      : engine_(options.model, options.embedder, backend), texts_(texts) {
    const ModelInfo& info = engine_.info();
    if (!info.has_transformer) {
      Fail(ErrorCode::kUnsupported, "a model without a transformer has no layers to measure",
           info.path, "give a model that has some");
    }
    kinds_ = options.kinds.value_or(info.heads.dense ? Representations() : info.heads);
    of_texts_ = options.encode;
    of_query_ = options.encode;
    if (!info.heads.dense) {
      of_texts_.role = Role::kDocument;
      of_query_.role = Role::kQuery;
    }
    info_ = InfoOf(info);
    if (info.document_length > 0) info_.max_length = info.document_length;
    if (kinds_.dense) info_.makes.emplace_back("dense");
    if (kinds_.sparse) info_.makes.emplace_back("sparse");
    if (kinds_.colbert) info_.makes.emplace_back("colbert");
  }

  const MeasuredModelInfo& info() const override { return info_; }
  int threads() const override { return engine_.threads(); }

  void MakeRoom() override {
    if (!dense_alone()) return;
    output_.resize(texts_.size() * static_cast<size_t>(engine_.OutputDimension(of_texts_)));
  }
  EncodeStats Pass() override {
    if (dense_alone()) return engine_.EncodeInto(texts_, of_texts_, output_);
    EncodeStats total;
    for (size_t first = 0; first < texts_.size();) {
      const auto chunk = texts_.subspan(first, TextChunkSize(texts_, first, threads()));
      const EncodeStats stats = engine_.EncodeAll(chunk, kinds_, of_texts_).stats;
      total.texts += stats.texts;
      total.tokens += stats.tokens;
      total.truncated_texts += stats.truncated_texts;
      total.max_length = stats.max_length;
      first += chunk.size();
    }
    return total;
  }

  void Query() const override {
    static_cast<void>(engine_.EncodeAll(std::span(&kQuery, 1), kinds_, of_query_));
  }
  int64_t query_tokens() const override {
    return TokensOf(std::span(&kQuery, 1), engine_.TokenizerFor(of_query_));
  }
  int64_t CountTokens() const override { return TokensOf(texts_, engine_.TokenizerFor(of_texts_)); }

 private:
  bool dense_alone() const { return kinds_.dense && !kinds_.sparse && !kinds_.colbert; }

  const EmbedderImpl engine_;
  const std::span<const std::string_view> texts_;
  Representations kinds_;
  EncodeOptions of_texts_;
  EncodeOptions of_query_;
  MeasuredModelInfo info_;
  std::vector<float> output_;
};

class MeasuredReranker : public MeasuredModel {
 public:
  MeasuredReranker(const MeasuredModelOptions& options, std::span<const std::string_view> texts,
                   const Backend& backend)
      : engine_(options.model, options.reranker, backend), info_(InfoOf(engine_.info())) {
    if (options.kinds) {
      Fail(ErrorCode::kInvalidArgument, "a reranker makes no vectors", engine_.info().path,
           "leave the option out (--return)");
    }
    info_.reranker = true;
    info_.makes.emplace_back("score");
    pairs_.reserve(texts.size());
    for (const std::string_view text : texts) pairs_.push_back({kQuery, text});
    options_.batch_tokens = options.encode.batch_tokens;
    options_.stop = options.encode.stop;
  }

  const MeasuredModelInfo& info() const override { return info_; }
  int threads() const override { return engine_.threads(); }

  void MakeRoom() override {}
  EncodeStats Pass() override {
    EncodeStats stats;
    static_cast<void>(engine_.ComputeScore(pairs_, options_, &stats));
    return stats;
  }
  void Query() const override {
    static_cast<void>(engine_.ComputeScore(std::span(&kPair, 1), options_, nullptr));
  }
  int64_t query_tokens() const override {
    return engine_.CountTokens(std::span(&kPair, 1), options_);
  }
  int64_t CountTokens() const override { return engine_.CountTokens(pairs_, options_); }

 private:
  static constexpr TextPair kPair = {kQuery, kPassage};

  const RerankerImpl engine_;
  std::vector<TextPair> pairs_;
  RerankOptions options_;
  MeasuredModelInfo info_;
};

}  // namespace

std::unique_ptr<MeasuredModel> LoadMeasuredModel(const MeasuredModelOptions& options,
                                                 std::span<const std::string_view> texts,
                                                 const Backend& backend) {
  if (IsReranker(options.model)) {
    return std::make_unique<MeasuredReranker>(options, texts, backend);
  }
  return std::make_unique<MeasuredEmbedder>(options, texts, backend);
}

}  // namespace bge
