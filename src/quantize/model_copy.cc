#include "quantize/model_copy.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/stop.h"
#include "engine/model_identity.h"
#include "heads/m3_colbert_head.h"
#include "heads/m3_sparse_head.h"
#include "hub/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <system_error>
#include <variant>

namespace bge::quantize {

namespace fs = std::filesystem;

namespace {

constexpr int kMostDepth = 16;
constexpr std::string_view kSkippedFolders[] = {".git", ".cache", "onnx", "openvino", "coreml"};
// Of weights, and of what other programs run.
constexpr std::string_view kSkippedEnds[] = {
    ".bin",  ".pt",     ".pth",  ".ckpt",      ".h5",  ".msgpack",       ".ot",
    ".gguf", ".tflite", ".onnx", ".onnx_data", ".xml", ".bin.index.json"};
constexpr std::string_view kSafetensorsEnds[] = {".safetensors", ".safetensors.index.json"};
// What a module folder keeps its weights in.
constexpr std::string_view kModuleWeights[] = {"model.safetensors", "pytorch_model.bin"};

// BGE-M3's heads, which stay as they are.
bool IsHead(std::string_view name) {
  for (const std::string_view head : {M3SparseHead::kFile, M3ColbertHead::kFile}) {
    if (name.starts_with(head) &&
        (name.substr(head.size()) == ".pt" || name.substr(head.size()) == ".safetensors")) {
      return true;
    }
  }
  return false;
}

bool EndsInAny(std::string_view name, std::span<const std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

bool IsWithin(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

class Lister {
 public:
  explicit Lister(const ModelSpec& spec)
      : dir_(spec.dir), root_(fs::canonical(spec.dir)), allowed_(root_) {
    // .../models--ORG--NAME/snapshots/COMMIT, whose files are links to .../models--ORG--NAME/blobs.
    if (RepoOfSnapshot(root_)) allowed_ = root_.parent_path().parent_path();
    for (const ModuleSpec& module : spec.modules) {
      if (const auto* dense = std::get_if<DenseModule>(&module)) AddModule(dense->dir);
      if (const auto* norm = std::get_if<LayerNormModule>(&module)) AddModule(norm->dir);
    }
    // Where they lie among the transformer's weights, they are converted with these.
    if (spec.sparse && spec.sparse->queries && spec.sparse->queries->dir != spec.transformer_dir) {
      AddModule(spec.sparse->queries->dir);
    }
    if (!spec.multi_vector) return;
    for (const TokenModule& module : spec.multi_vector->modules) {
      // Stanford's lies among the encoder's weights.
      const auto* const dense = std::get_if<DenseModule>(&module);
      if (dense != nullptr && dense->dir != spec.transformer_dir) AddModule(dense->dir);
    }
  }

  ModelFileList Run() {
    List("", 0);
    return std::move(list_);
  }

 private:
  void AddModule(const fs::path& dir) {
    const fs::path relative = dir.lexically_relative(dir_).lexically_normal();
    // "2_Dense/" is 2_Dense.
    module_dirs_.push_back(relative.has_filename() ? relative : relative.parent_path());
  }

  void List(const fs::path& folder, int depth) {
    if (depth > kMostDepth) {
      Fail(ErrorCode::kInvalidArgument, "folders are nested too deeply", (dir_ / folder).string(),
           fmt::format("keep at most {} within each other", kMostDepth));
    }
    const bool is_module =
        std::find(module_dirs_.begin(), module_dirs_.end(), folder) != module_dirs_.end();
    std::vector<fs::path> names;
    for (const auto& entry : fs::directory_iterator(dir_ / folder)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    for (const fs::path& file : names) {
      const fs::path relative = folder / file;
      const std::string& name = file.native();
      const fs::path path = dir_ / relative;
      const fs::file_status status = fs::symlink_status(path);
      if (fs::is_directory(status)) {
        if (std::find(std::begin(kSkippedFolders), std::end(kSkippedFolders), name) !=
            std::end(kSkippedFolders)) {
          continue;
        }
        list_.folders.push_back(relative);
        List(relative, depth + 1);
        continue;
      }
      const bool kept = IsHead(name) || (is_module && EndsInAny(name, kModuleWeights));
      if (!kept && (EndsInAny(name, kSkippedEnds) || EndsInAny(name, kSafetensorsEnds))) continue;
      if (fs::is_symlink(status)) CheckLink(path);
      list_.files.push_back(relative);
    }
  }

  void CheckLink(const fs::path& path) const {
    std::error_code error;
    const fs::path target = fs::canonical(path, error);
    if (error) {
      Fail(ErrorCode::kNotFound, "a link of the model leads nowhere",
           path.string() + ": " + error.message(), "download the model again");
    }
    if (IsWithin(target, allowed_) && !fs::is_directory(target)) return;
    Fail(ErrorCode::kInvalidArgument, "a link leads out of the model",
         fmt::format("{}: found a link to {}, expected a file within {}", path.string(),
                     Printable(target.string()), allowed_.string()),
         "put the file itself in the link's place, or remove the link");
  }

  const fs::path dir_;
  const fs::path root_;  // dir_ without links
  fs::path allowed_;     // where links may lead
  std::vector<fs::path> module_dirs_;
  ModelFileList list_;
};

// What compressed-tensors and transformers read, as they would write it: int8 by rows, made float
// again when the model is loaded.
constexpr std::string_view kQuantizationConfig = R"({
    "quant_method": "compressed-tensors",
    "format": "int-quantized",
    "quantization_status": "compressed",
    "config_groups": {
      "group_0": {
        "targets": [
          "Linear",
          "Embedding"
        ],
        "weights": {
          "num_bits": 8,
          "type": "int",
          "symmetric": true,
          "strategy": "channel",
          "dynamic": false
        }
      }
    },
    "ignore": [],
    "dequantize": true
  })";

std::string Quoted(std::string_view text) {
  std::string quoted;
  json::AppendString(text, &quoted);
  return quoted;
}

}  // namespace

ModelFileList ListModelFiles(const ModelSpec& spec) {
  try {
    return Lister(spec).Run();
  } catch (const fs::filesystem_error& error) {
    Fail(ErrorCode::kIo, "cannot read the model's folder", error.what(),
         "check permissions and disk");
  }
}

void CopyModelFile(const fs::path& from, const fs::path& to, const std::stop_token& stop) {
  constexpr size_t kBytesAtOnce = 1 << 20;
  const auto file = MappedFile::Open(from);
  AtomicFile copy(to);
  for (auto left = file->bytes(); !left.empty();) {
    ThrowIfStopped(&stop);
    const auto part = left.first(std::min(left.size(), kBytesAtOnce));
    copy.Write(part);
    left = left.subspan(part.size());
  }
  copy.Commit();
}

std::string ConfigFor(const ModelSpec& spec, WeightType type, bool keeps_classifier,
                      const std::string& original_weights) {
  std::vector<std::pair<std::string, std::string>> changes;  // key, JSON
  if (spec.known) changes.emplace_back("_name_or_path", Quoted(spec.name));
  const json::Value config = spec.config->root();
  if (type == WeightType::kInt8) {
    std::string quantization(kQuantizationConfig);
    std::string kept;
    if (keeps_classifier) kept = R"("re:.*classifier.*", "re:.*pooler.*", "re:head[.].*")";
    if (config.At("model_type").AsString() == "mpnet") {
      kept += std::string(kept.empty() ? "" : ", ") + R"("re:.*relative_attention_bias")";
    }
    constexpr std::string_view kNothing = "[]";
    quantization.replace(quantization.find(kNothing), kNothing.size(), "[" + kept + "]");
    changes.emplace_back("quantization_config", std::move(quantization));
  } else {
    // transformers from version 5 on writes "dtype", and reads both.
    const std::string_view dtype = type == WeightType::kFloat16   ? "float16"
                                   : type == WeightType::kFloat32 ? "float32"
                                                                  : "bfloat16";
    bool there = false;
    for (const char* key : {"torch_dtype", "dtype"}) {
      if (!config.Find(key)) continue;
      changes.emplace_back(key, Quoted(dtype));
      there = true;
    }
    if (!there) changes.emplace_back("torch_dtype", Quoted(dtype));
  }

  if (!original_weights.empty()) {
    changes.emplace_back(kQuantizedFrom,
                         "{\n    \"weights\": " + Quoted(original_weights) + "\n  }");
  }

  std::string text = "{";
  const char* separator = "\n  ";
  const auto append = [&](std::string_view key, const auto& append_value) {
    text += separator;
    json::AppendString(key, &text);
    text += ": ";
    append_value();
    separator = ",\n  ";
  };
  config.ForEachMember([&](std::string_view key, json::Value value) {
    const bool changes_it = std::any_of(changes.begin(), changes.end(),
                                        [&](const auto& change) { return change.first == key; });
    if (!changes_it) append(key, [&] { json::AppendValue(value, 2, &text); });
  });
  for (const auto& change : changes) append(change.first, [&] { text += change.second; });
  return text + "\n}\n";
}

}  // namespace bge::quantize
