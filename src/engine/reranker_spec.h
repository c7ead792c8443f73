// What the directory of a reranker says about itself, read and checked before any weight is
// touched.
//
// Two layouts: a sequence classifier of transformers, as BAAI publishes, and a CrossEncoder of
// sentence-transformers, whose settings are in config.json (old) or in files of their own (new).
#ifndef BGE_ENGINE_RERANKER_SPEC_H_
#define BGE_ENGINE_RERANKER_SPEC_H_

#include "bge/reranker.h"

#include "base/json.h"
#include "kernels/backend.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bge {

struct RerankerSpec {
  std::filesystem::path dir;
  std::filesystem::path transformer_dir;
  std::string name;
  std::shared_ptr<const json::Document> config;  // config.json of the transformer
  PairStyle pair_style = PairStyle::kFlagEmbedding;
  std::string pair_style_source;
  int64_t max_length = 0;  // of the files, before the style's default
  std::string max_length_source;
  bool do_lower_case = false;
  Activation activation = Activation::kSigmoid;  // of CrossEncoder's scores
  std::string activation_source;
  std::string default_prompt;
  std::vector<std::string> files;
};

/// Reads the configuration files of `dir`. Error naming file, field, found and expected;
/// kUnsupported for a model that is no sequence classifier of one label.
RerankerSpec ReadRerankerSpec(const std::filesystem::path& dir);

/// Whether the files of `dir` say that it is a reranker. Error as ReadRerankerSpec, which reads
/// them in full.
bool DescribesReranker(const std::filesystem::path& dir);

}  // namespace bge

#endif  // BGE_ENGINE_RERANKER_SPEC_H_
