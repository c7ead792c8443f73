// The modules of a sentence-transformers SparseEncoder: a masked-language model with SpladePooling,
// alone or as the document's route beside one of fixed weights for queries; or those weights alone.
#ifndef BGE_ENGINE_SPARSE_MODULES_H_
#define BGE_ENGINE_SPARSE_MODULES_H_

#include "bge/types.h"

#include "engine/model_files.h"
#include "heads/splade_head.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bge {

/// A SparseStaticEmbedding: a weight for each token, wherever it stands.
struct StaticWeightsSpec {
  std::filesystem::path dir;  ///< its tokenizer and, without `idf`, its weights
  std::filesystem::path idf;  ///< JSON of tokens and their weights; empty: none
  /// Tokens that are read of a text, without special ones; nullopt: all.
  std::optional<int64_t> max_length;
  std::string where;  ///< relative to the model: the folder, or the file of tokens
};

/// What makes sparse vectors.
struct SparseSpec {
  SpladePooling pooling;
  std::string pooling_source;        ///< "1_SpladePooling/config.json", "default"
  std::optional<int64_t> dimension;  ///< of the vectors, where the file says it
  /// Queries' own route; nullopt: they are computed as documents are.
  std::optional<StaticWeightsSpec> queries;
  bool is_static = false;  ///< all texts take the route of `queries`: there is no transformer
  /// Which route texts of no role take: kQuery or kDocument; nullopt: they are an error.
  std::optional<Role> default_route = Role::kDocument;
  std::optional<int64_t> max_active_dims;  ///< config_sentence_transformers.json
};

/// The chain of modules.json, in the order of the file.
struct SparseModules {
  std::filesystem::path transformer;  ///< its folder, or the weights', relative to the model
  bool is_mlm = false;                ///< a MLMTransformer, which needs no transformer_task
  std::vector<std::string> names;     ///< "MLMTransformer", "SpladePooling", ...
  SparseSpec spec;
};

/// Whether a modules.json lists the modules of a sparse encoder. A Router may be one of dense
/// models too: `sparse_encoder` says whether config_sentence_transformers.json calls it a
/// SparseEncoder.
bool ListsSparseModules(json::Value modules, bool sparse_encoder);

/// Reads them, and router_config.json. Error(kUnsupported) for other modules and routes,
/// kCorruptData.
SparseModules ReadSparseModules(json::Value modules, ModelFiles* files);

}  // namespace bge

#endif  // BGE_ENGINE_SPARSE_MODULES_H_
