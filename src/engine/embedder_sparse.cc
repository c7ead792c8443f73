// The parts of EmbedderImpl that only sparse encoders (SPLADE) have: their head, and texts whose
// weights take no pass of the encoder.
#include "base/error.h"
#include "encoder/bert_config.h"
#include "engine/embedder_impl.h"
#include "engine/sparse_selection.h"
#include "heads/splade_head.h"

#include <string>
#include <utility>

namespace bge {

void EmbedderImpl::LoadSpladeHead(const EmbedderOptions& options) {
  const SparseSpec& sparse = *spec_.sparse;
  const json::Value config = spec_.config->root();
  const std::string model_type(config.At("model_type").AsString());
  if (!BertFamilyOf(model_type)) {
    Fail(ErrorCode::kUnsupported, "a masked-language model of this architecture is not supported",
         config.At("model_type").Where() + ": found \"" + Printable(model_type, 60) + "\"",
         "supported: bert, distilbert, roberta, xlm-roberta, camembert");
  }
  const BertConfig bert = BertConfig::FromJson(config);
  const auto tied = config.FindNonNull("tie_word_embeddings");
  if (sparse.dimension && *sparse.dimension != bert.vocab_size) {
    Fail(ErrorCode::kCorruptData, "SpladePooling of another model",
         (spec_.dir / sparse.pooling_source).string() + ": field embedding_dimension: found " +
             std::to_string(*sparse.dimension) + ", expected " + std::to_string(bert.vocab_size) +
             " (vocab_size of config.json)",
         "check that the folders belong to the same model");
  }
  const MlmHeadSpec spec = {.model_type = model_type,
                            .hidden_size = bert.hidden_size,
                            .vocab_size = bert.vocab_size,
                            .activation = bert.activation,
                            .layer_norm_eps = bert.layer_norm_eps,
                            .tied = !tied || tied->AsBool()};
  const auto& weights = model_.weights();
  head_cache_.emplace(PackedCacheOf(EngineOptionsOf(options)), *weights,
                      model_.encoder().info().compute_type, model_.backend(),
                      SpladeHead::LayerTensors(spec, weights));
  auto head = std::make_unique<const SpladeHead>(
      spec, sparse.pooling, weights,
      [&](size_t number, std::span<const TensorView> parts) {
        return head_cache_->Prepare(number, parts, *weights);
      },
      model_.backend(), model_.pool());
  head_cache_->Save(head->LinearLayers());
  sparse_head_ = std::move(head);
  if (!sparse.queries) return;
  LoadStaticWeights(options.on_warning);
  if (static_queries_->dimension() > bert.vocab_size) {
    Fail(ErrorCode::kCorruptData, "queries have weights of more words than documents",
         sparse.queries->dir.string() + ": found " + std::to_string(static_queries_->dimension()) +
             ", expected at most " + std::to_string(bert.vocab_size) +
             " (vocab_size of config.json)",
         "check that the folders belong to the same model");
  }
}

void EmbedderImpl::LoadStaticWeights(const WarningSink& on_warning) {
  const StaticWeightsSpec& spec = *spec_.sparse->queries;
  static_queries_ = spec_.is_static()
                        ? std::make_unique<const SparseStaticEmbedding>(spec, model_.tokenizer())
                        : std::make_unique<const SparseStaticEmbedding>(spec, on_warning);
  AddFiles(static_queries_->files());
}

int64_t EmbedderImpl::MaxActiveDims(const EncodeOptions& options) const {
  if (options.max_active_dims && *options.max_active_dims < 1) {
    Fail(ErrorCode::kInvalidArgument, "max_active_dims out of range",
         "found " + std::to_string(*options.max_active_dims) + ", expected at least 1",
         "leave it out for all weights");
  }
  return options.max_active_dims.value_or(info_.max_active_dims);
}

void EmbedderImpl::ComputeStatic(const TokenizedTexts& texts, std::span<const int64_t> indices,
                                 const Finish& finish, SparseVector* output) const {
  for (const int64_t text : indices) {
    output[text] = static_queries_->Encode(texts[text].ids);
    KeepLargest(finish.max_active_dims, &output[text]);
  }
}

}  // namespace bge
