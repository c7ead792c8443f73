// The inside of Embedder. It has a header so that src/bench/ can run it on a backend that measures,
// and see tokenising and computing apart; embedder.cc has the code, embedder_token_vectors.cc what
// only models of token vectors have.
#ifndef BGE_ENGINE_EMBEDDER_IMPL_H_
#define BGE_ENGINE_EMBEDDER_IMPL_H_

#include "bge/embedder.h"
#include "bge/error.h"

#include "encoder/packed_cache.h"
#include "engine/loaded_transformer.h"
#include "engine/model_input.h"
#include "engine/model_spec.h"
#include "engine/packed_batch.h"
#include "engine/sparse_static_embedding.h"
#include "engine/tokenized_texts.h"
#include "heads/dense_head.h"
#include "heads/multi_vector_head.h"
#include "heads/sparse_head.h"
#include "kernels/backend.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bge {

/// A loaded model. Immutable and thread-safe, as Embedder, whose comments say what the calls do.
class EmbedderImpl {
 public:
  /// Embedder::Load on `backend`, which must outlive it.
  EmbedderImpl(const std::string& model, const EmbedderOptions& options, const Backend& backend);

  EncodeStats EncodeInto(std::span<const std::string_view> texts, const EncodeOptions& options,
                         std::span<float> output) const;
  TextRepresentations EncodeAll(std::span<const std::string_view> texts,
                                const Representations& which, const EncodeOptions& options) const;
  Embeddings HiddenStates(const TokenSequences& sequences, const std::stop_token& stop) const;
  /// How a call with these options tokenises its texts; valid as long as the options.
  TextTokenizer TokenizerFor(const EncodeOptions& options) const;
  int64_t OutputDimension(const EncodeOptions& options) const;

  const ModelInfo& info() const { return info_; }
  const Tokenizer& tokenizer() const { return model_.tokenizer(); }
  const Tokenizer& tokenizer(Role role) const { return input_->TokenizerOf(role); }
  int threads() const { return model_.pool().threads(); }
  /// Of dense vectors; 0 where the model makes none.
  int64_t dimension() const { return dense_head_ ? dense_head_->dimension() : 0; }

 private:
  EmbedderImpl(ModelSpec spec, const EmbedderOptions& options, const Backend& backend);
  void LoadHeads(const EmbedderOptions& options);
  void LoadM3Heads(const EmbedderOptions& options);
  void LoadTokenVectors(const WarningSink& on_warning);
  void LoadSpladeHead(const EmbedderOptions& options);
  void LoadStaticWeights(const WarningSink& on_warning);
  bool makes_sparse() const { return sparse_head_ != nullptr || static_queries_ != nullptr; }
  void AddFiles(std::span<const std::filesystem::path> files);
  std::vector<int32_t> UnusedTokenIds() const;
  void RequireHeads(const Representations& which) const;
  void FillInfo();
  void FillRoleInfo();
  int64_t PromptTokens(std::string_view prompt, int64_t max_length) const;
  int64_t MaxActiveDims(const EncodeOptions& options) const;
  // What becomes of the vectors of the head, in this order.
  struct Finish {
    bool normalize_full;
    int64_t dimension;  // values kept
    bool normalize;
    int64_t colbert_dimension;
    int64_t max_active_dims;  // 0: all
    Role role;                // of the texts
  };
  // Where the results of a call go, each for all of its texts; what is null is not computed.
  struct Output {
    float* dense = nullptr;
    SparseVector* sparse = nullptr;
    MultiVector* colbert = nullptr;
  };
  struct Batch;
  static void RefuseWithoutEffect(const EncodeOptions& options, const Output& output);
  Finish FinishFor(const EncodeOptions& options) const;
  EncodeStats Run(std::span<const std::string_view> texts, const EncodeOptions& options,
                  const Output& output) const;
  void ComputeBatch(const TokenizedTexts& texts, std::span<const int64_t> indices,
                    int64_t prompt_tokens, const Finish& finish, const Output& output) const;
  void ComputeDense(const OpContext& context, const Batch& batch, ConstMatrix hidden,
                    std::span<const PoolRange> ranges, const Finish& finish, float* output) const;
  void ComputeSparse(const OpContext& context, const Batch& batch, ConstMatrix hidden,
                     const Finish& finish, SparseVector* output) const;
  void ComputeStatic(const TokenizedTexts& texts, std::span<const int64_t> indices,
                     const Finish& finish, SparseVector* output) const;
  void ComputeColbert(const OpContext& context, const Batch& batch, ConstMatrix hidden,
                      const Finish& finish, MultiVector* output) const;
  void CheckFinite(std::span<const float> values, int64_t text) const;

  ModelSpec spec_;
  LoadedTransformer model_;
  // Null: the model has none.
  std::unique_ptr<const DenseHead> dense_head_;
  std::optional<const PackedCache> head_cache_;  // whose file sparse_head_ may lie in
  std::unique_ptr<const SparseHead> sparse_head_;
  // What queries' sparse vectors come from, or those of all texts, instead of the encoder; null:
  // they do not.
  std::unique_ptr<const SparseStaticEmbedding> static_queries_;
  std::unique_ptr<const MultiVectorHead> colbert_head_;
  std::optional<const ModelInput> input_;          // set once, when all it is made of is there
  std::map<std::string, Error> unreadable_heads_;  // by the file's name without extension
  ModelInfo info_;
};

}  // namespace bge

#endif  // BGE_ENGINE_EMBEDDER_IMPL_H_
