// Quantize: a new model directory beside the old one, complete or not at all.
#include "bge/quantize.h"

#include "base/atomic_directory.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/model_identity.h"
#include "engine/model_spec.h"
#include "engine/reranker_spec.h"
#include "hub/cache.h"
#include "quantize/model_copy.h"
#include "quantize/weight_conversion.h"
#include "weights/weight_source.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <system_error>

namespace bge {

namespace fs = std::filesystem;

namespace {

// The new directory would be copied into itself.
void CheckNotWithin(const fs::path& out, const fs::path& model) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(fs::absolute(out), error);
  const fs::path outer = fs::canonical(model, error);
  if (error) {
    Fail(ErrorCode::kIo, "cannot find out where the output lies",
         out.string() + ": " + error.message(), "check permissions and disk");
  }
  if (std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end()) {
    Fail(ErrorCode::kInvalidArgument, "the output lies within the model", out.string(),
         "give a directory outside of it");
  }
}

void CreateFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directory(path, error);
  if (error) {
    Fail(ErrorCode::kIo, "cannot create directory", path.string() + ": " + error.message(),
         "check permissions and disk");
  }
}

// Of a reranker what is copied: its head is among the transformer's weights.
ModelSpec RerankerAsModel(const fs::path& dir) {
  RerankerSpec reranker = ReadRerankerSpec(dir);
  ModelSpec spec;
  spec.dir = reranker.dir;
  spec.transformer_dir = reranker.transformer_dir;
  spec.name = reranker.name;
  spec.config = reranker.config;
  return spec;
}

// The head of a reranker, whose few numbers are the score itself.
bool IsClassifier(std::string_view name) {
  return name.find("classifier") != std::string_view::npos ||
         name.find("pooler.dense") != std::string_view::npos || name.starts_with("head.");
}

// MPNet's biases of distances are a few hundred numbers that are added to scores.
bool IsBiasOfDistances(std::string_view name) {
  return name.ends_with("relative_attention_bias.weight");
}

// Whether a tensor stays as it is.
std::function<bool(std::string_view)> KeptTensors(const ModelSpec& spec, bool is_reranker) {
  // Stanford's projection of ColBERT models lies among the encoder's weights.
  return [is_reranker, is_colbert = spec.multi_vector.has_value()](std::string_view name) {
    return IsBiasOfDistances(name) || (is_reranker && IsClassifier(name)) ||
           (is_colbert && !is_reranker && name == "linear.weight");
  };
}

}  // namespace

QuantizeStats Quantize(const std::string& model, const fs::path& out,
                       const QuantizeOptions& options) {
  const fs::path dir = ResolveModel(model);
  const bool is_reranker = DescribesReranker(dir);
  const ModelSpec spec = is_reranker ? RerankerAsModel(dir) : ReadModelSpec(dir, {});
  if (spec.is_static()) {
    Fail(ErrorCode::kUnsupported, "a model without matrices is as small as it gets",
         spec.dir.string() + ": found no transformer", "use it as it is");
  }
  CheckNotWithin(out, spec.dir);
  const auto weights = OpenWeights(spec.transformer_dir);
  const quantize::ModelFileList list = quantize::ListModelFiles(spec);
  const fs::path transformer = spec.transformer_dir.lexically_relative(spec.dir).lexically_normal();

  AtomicDirectory directory(out);
  for (const fs::path& folder : list.folders) CreateFolder(directory.path() / folder);
  for (const fs::path& file : list.files) {
    if (file == (transformer / "config.json").lexically_normal()) {
      AtomicFile config(directory.path() / file);
      config.Write(quantize::ConfigFor(spec, options.type, is_reranker,
                                       OriginalWeights(spec, weights->Files())));
      config.Commit();
    } else {
      quantize::CopyModelFile(spec.dir / file, directory.path() / file, options.stop);
    }
  }
  const quantize::ConversionStats converted = quantize::ConvertWeights(
      *weights, options.type,
      (directory.path() / transformer / "model.safetensors").lexically_normal(), options.stop,
      KeptTensors(spec, is_reranker));
  directory.Commit();
  return {.matrices = converted.matrices,
          .files = static_cast<int64_t>(list.files.size()) + 1,
          .bytes_before = converted.bytes_before,
          .bytes_after = converted.bytes_after};
}

}  // namespace bge
