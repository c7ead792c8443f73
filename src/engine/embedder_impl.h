// The inside of Embedder. It has a header so that src/bench/ can run it on a backend that measures,
// and see tokenising and computing apart; embedder.cc has the code.
#ifndef BGE_ENGINE_EMBEDDER_IMPL_H_
#define BGE_ENGINE_EMBEDDER_IMPL_H_

#include "bge/embedder.h"

#include "base/keyed_hash.h"
#include "base/parallel.h"
#include "encoder/encoder.h"
#include "engine/model_spec.h"
#include "engine/packed_batch.h"
#include "engine/tokenized_texts.h"
#include "engine/workspace_pool.h"
#include "heads/dense_head.h"
#include "kernels/backend.h"
#include "weights/weight_source.h"

#include <cstdint>
#include <memory>
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
  /// How a call with these options tokenises its texts; valid as long as the options.
  TextTokenizer TokenizerFor(const EncodeOptions& options) const;
  int64_t OutputDimension(const EncodeOptions& options) const;

  const ModelInfo& info() const { return info_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  int threads() const { return pool_.threads(); }
  int64_t dimension() const { return head_.dimension(); }

 private:
  EmbedderImpl(ModelSpec spec, const EmbedderOptions& options, const Backend& backend);
  void SetMaxLength(const EmbedderOptions& options);
  void FillInfo();
  std::string_view PromptFor(const EncodeOptions& options) const;
  int64_t PromptTokens(std::string_view prompt, int64_t max_length) const;
  int64_t MaxLengthFor(const EncodeOptions& options) const;
  void CheckTokens(std::span<const int32_t> ids) const;
  // What becomes of the vectors of the head, in this order.
  struct Finish {
    bool normalize_full;
    int64_t dimension;  // values kept
    bool normalize;
  };
  Finish FinishFor(const EncodeOptions& options) const;
  void ComputeBatch(const TokenizedTexts& texts, std::span<const int64_t> indices,
                    int64_t prompt_tokens, const Finish& finish, std::span<float> output) const;

  mutable ThreadPool pool_;
  mutable WorkspacePool workspaces_;
  const Backend& backend_;
  const KeyedHash hash_ = KeyedHash::WithRandomKey();  // of texts, to find repeated ones
  ModelSpec spec_;
  Tokenizer tokenizer_;
  std::shared_ptr<const WeightSource> weights_;
  std::unique_ptr<const Encoder> encoder_;
  DenseHead head_;
  int64_t max_length_ = 0;
  ModelInfo info_;
};

}  // namespace bge

#endif  // BGE_ENGINE_EMBEDDER_IMPL_H_
