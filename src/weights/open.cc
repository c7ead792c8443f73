// Picks the weight file of a model directory.
#include "base/error.h"
#include "weights/sharded.h"
#include "weights/torch_file.h"
#include "weights/weight_source.h"

#include <fmt/format.h>

namespace bge {

namespace fs = std::filesystem;

namespace {

// Files that hold weights in a form which this build does not read.
struct OtherFormat {
  std::string_view file;
  bool convertible;  // by transformers, which reads it
};
constexpr OtherFormat kOtherFormats[] = {
    {"tf_model.h5", true},      {"flax_model.msgpack", true},  {"model.onnx", false},
    {"onnx/model.onnx", false}, {"openvino_model.xml", false},
};

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// The Python line that writes model.safetensors. The module folders of a sentence-transformers
// directory (2_Dense) are converted with the whole model.
std::string HowToConvert(const fs::path& dir) {
  const fs::path parent = dir.parent_path();
  const bool module_folder = !IsFile(dir / "modules.json") && IsFile(parent / "modules.json");
  const std::string root = (module_folder ? parent : dir).string();
  if (module_folder || IsFile(dir / "modules.json")) {
    return fmt::format(
        "convert it with `python3 -c \"from sentence_transformers import SentenceTransformer as M; "
        "M('{0}').save_pretrained('{0}-safetensors')\"` and use that directory",
        root);
  }
  return fmt::format(
      "convert it with `python3 -c \"from transformers import AutoModel as M; "
      "M.from_pretrained('{0}').save_pretrained('{0}')\"`",
      root);
}

}  // namespace

std::shared_ptr<const WeightSource> OpenWeights(const fs::path& dir) {
  // Parity: transformers' order where several are there.
  if (IsFile(dir / "model.safetensors")) return OpenSafetensors(dir / "model.safetensors");
  if (IsFile(dir / "model.safetensors.index.json")) {
    return OpenSharded(dir / "model.safetensors.index.json");
  }
  if (IsFile(dir / "pytorch_model.bin")) return OpenTorchFile(dir / "pytorch_model.bin");
  if (IsFile(dir / "pytorch_model.bin.index.json")) {
    return OpenSharded(dir / "pytorch_model.bin.index.json");
  }
  for (const OtherFormat& other : kOtherFormats) {
    if (!IsFile(dir / other.file)) continue;
    Fail(ErrorCode::kUnsupported, "weights are in a format that this build does not read",
         fmt::format("{}: found {}, expected model.safetensors or pytorch_model.bin", dir.string(),
                     other.file),
         other.convertible ? HowToConvert(dir)
                           : "it cannot be converted: get the model.safetensors or "
                             "pytorch_model.bin of the model that it was made from");
  }
  Fail(ErrorCode::kNotFound, "no weights",
       dir.string() + ": found neither model.safetensors nor model.safetensors.index.json",
       "give the directory of a whole model, or download it again");
}

}  // namespace bge
