// The files of a model directory beside the transformer's weights.
#ifndef BGE_QUANTIZE_MODEL_COPY_H_
#define BGE_QUANTIZE_MODEL_COPY_H_

#include "bge/quantize.h"

#include "engine/model_spec.h"

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace bge::quantize {

/// Paths relative to a model directory.
struct ModelFileList {
  std::vector<std::filesystem::path> folders;  // each behind the one that it is in
  std::vector<std::filesystem::path> files;
};

/// What a copy of the model with other weights has too: all files but weights, caches and forms for
/// other programs; the weights of the modules behind the transformer. Error(kInvalidArgument) for a
/// link to a folder, and for one to a file that lies outside of the model (and of its place in the
/// Hugging Face cache): such a copy would hold what the model does not.
ModelFileList ListModelFiles(const ModelSpec& spec);

/// Copies a file of any size; `to` is new. Error(kIo, kCancelled).
void CopyModelFile(const std::filesystem::path& from, const std::filesystem::path& to,
                   const std::stop_token& stop);

/// config.json for weights of this type. A model that is recognised by its place or by a file that
/// may not be read again keeps its name, as `_name_or_path`. `original_weights`: OriginalWeights()
/// of the model, for `quantized_from`; empty: without it.
std::string ConfigFor(const ModelSpec& spec, WeightType type, bool keeps_classifier = false,
                      const std::string& original_weights = "");

}  // namespace bge::quantize

#endif  // BGE_QUANTIZE_MODEL_COPY_H_
