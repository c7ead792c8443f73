#include "hub/needed_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "hub/hub_answers.h"
#include "hub/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace bge::hub {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxFolders = 64;  // the longest chain of modules has some five
constexpr uint64_t kMaxReadBytes = 64 << 20;
constexpr size_t kMaxLocalFiles = 100'000;

// What the engine, transformers or sentence-transformers reads of a model's root, but for weights.
constexpr std::string_view kRootFiles[] = {
    "adapter_config.json",  // not supported, which is said by who reads it
    "added_tokens.json",
    "artifact.metadata",
    "colbert_linear.pt",
    "colbert_linear.safetensors",
    "config.json",
    "config_sentence_transformers.json",
    "idf.json",
    "merges.txt",
    "modules.json",
    "router_config.json",
    "sentence_albert_config.json",
    "sentence_bert_config.json",
    "sentence_camembert_config.json",
    "sentence_distilbert_config.json",
    "sentence_roberta_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
    "sentencepiece.bpe.model",
    "sparse_linear.pt",
    "sparse_linear.safetensors",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
};

constexpr std::string_view kTokenizerFiles[] = {"tokenizer.json", "vocab.txt", "spiece.model",
                                                "sentencepiece.bpe.model", "tokenizer.model"};

std::string Joined(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

// "1_Pooling" of "1_Pooling/" and "./1_Pooling"; "" is the root.
std::string NormalFolder(json::Value value) {
  const std::string text(value.AsString());
  std::string folder = fs::path(text).lexically_normal().string();
  while (folder.ends_with('/')) folder.pop_back();
  if (folder == ".") folder.clear();
  if (text.starts_with('/') || (!folder.empty() && !IsSafeFileName(folder))) {
    value.Fail(fmt::format("found \"{}\", expected a folder of the model", Printable(text, 80)),
               "this model cannot be used");
  }
  return folder;
}

class Walk {
 public:
  explicit Walk(const ModelTree& tree) : tree_(tree) {}

  void Run() {
    FetchConfiguration("");
    bool weights_in_root = true;
    if (Has("modules.json")) weights_in_root = AddModules();
    AddRoutes("");
    for (size_t i = 0; i < folders_.size(); ++i) {
      const std::string folder = folders_[i];  // more may be added
      AddRoutes(folder);
    }
    size_t weighty = weights_in_root && FetchWeights("") ? 1 : 0;
    for (const std::string& folder : folders_) weighty += FetchWeights(folder) ? 1 : 0;
    if (weighty == 0 && !FetchWeightsOfTokens()) FailWithoutWeights();
  }

 private:
  bool Has(const std::string& file) const {
    return std::binary_search(tree_.files.begin(), tree_.files.end(), file);
  }

  std::shared_ptr<const json::Document> Read(const std::string& file) const {
    return json::Document::Parse(tree_.read(file), fmt::format("{}: {}", tree_.name, file));
  }

  void FetchConfiguration(const std::string& folder) {
    std::vector<std::string> wanted;
    if (folder.empty()) {
      for (const std::string_view name : kRootFiles) {
        if (Has(std::string(name))) wanted.emplace_back(name);
      }
    } else {
      for (const std::string& file : tree_.files) {
        if (IsConfigurationIn(folder, file)) wanted.push_back(file);
      }
    }
    tree_.fetch(wanted);
  }

  // Modules' folders hold little: what is text there is configuration, a vocabulary or idf.json.
  static bool IsConfigurationIn(const std::string& folder, std::string_view file) {
    if (!file.starts_with(folder + "/")) return false;
    const std::string_view name = file.substr(folder.size() + 1);
    return name.find('/') == std::string_view::npos && !name.ends_with(".index.json") &&
           (name.ends_with(".json") || name.ends_with(".txt") || name.ends_with(".model"));
  }

  void AddFolder(const std::string& folder) {
    if (folder.empty() || std::find(folders_.begin(), folders_.end(), folder) != folders_.end()) {
      return;
    }
    if (folders_.size() == kMaxFolders) {
      Fail(ErrorCode::kCorruptData, "a model of too many modules",
           fmt::format("{}: found more, expected at most {}", tree_.name, kMaxFolders),
           "this model cannot be used");
    }
    folders_.push_back(folder);
    FetchConfiguration(folder);
  }

  // Whether a module lies in the root.
  bool AddModules() {
    bool in_root = false;
    Read("modules.json")->root().ForEachElement([&](json::Value module) {
      const std::string folder = NormalFolder(module.At("path"));
      in_root = in_root || folder.empty();
      const auto type = module.FindNonNull("type");
      if (type && type->is_string() && type->AsString().ends_with(".SparseStaticEmbedding")) {
        static_folders_.push_back(folder);
      }
      AddFolder(folder);
    });
    return in_root;
  }

  // The folders of a Router's routes, which its file names beside it.
  void AddRoutes(const std::string& folder) {
    const std::string file = Joined(folder, "router_config.json");
    if (!Has(file)) return;
    const auto document = Read(file);
    const auto types = document->root().FindNonNull("types");
    if (!types || !types->is_object()) return;
    types->ForEachMember([&](std::string_view name, json::Value) {
      if (IsSafeFileName(name)) AddFolder(Joined(folder, name));
    });
  }

  // With the configuration of the root and of `folder`.
  static bool IsFetched(const std::string& folder, const std::string& file) {
    return (!folder.empty() && IsConfigurationIn(folder, file)) ||
           std::find(std::begin(kRootFiles), std::end(kRootFiles), file) != std::end(kRootFiles);
  }

  // Of a sparse model without a transformer: the JSON that a module's config.json names, in its
  // folder or the root.
  bool FetchWeightsOfTokens() {
    for (const std::string& folder : static_folders_) {
      const std::string config = Joined(folder, "config.json");
      if (!Has(config)) continue;
      const auto document = Read(config);
      const auto path = document->root().FindNonNull("path");
      if (!path || !path->is_string() || !path->AsString().ends_with(".json")) continue;
      const std::string name = NormalFolder(*path);
      for (const std::string& file : {Joined(folder, name), name}) {
        if (!Has(file)) continue;
        if (!IsFetched(folder, file)) tree_.fetch({file});
        return true;
      }
    }
    return false;
  }

  bool FetchWeights(const std::string& folder) {
    for (const std::string_view name : {"model.safetensors", "pytorch_model.bin"}) {
      const std::string file = Joined(folder, name);
      const std::string index = file + ".index.json";
      if (Has(file)) {
        tree_.fetch({file});
        return true;
      }
      if (!Has(index)) continue;
      tree_.fetch({index});
      FetchShards(folder, index);
      return true;
    }
    return false;
  }

  void FetchShards(const std::string& folder, const std::string& index) {
    std::set<std::string> shards;
    Read(index)->root().At("weight_map").ForEachMember([&](std::string_view, json::Value value) {
      const std::string_view name = value.AsString();
      if (!IsSafeFileName(name) || name.find('/') != std::string_view::npos) {
        value.Fail(
            fmt::format("found \"{}\", expected the name of a file beside it", Printable(name, 80)),
            "this model cannot be used");
      }
      shards.insert(Joined(folder, name));
    });
    for (const std::string& shard : shards) {
      if (Has(shard)) continue;
      Fail(ErrorCode::kNotFound, "a file of the model's weights is absent",
           fmt::format("{}: {}, which {} lists", tree_.name, Printable(shard), index),
           "tell the model's owner");
    }
    tree_.fetch({shards.begin(), shards.end()});
  }

  [[noreturn]] void FailWithoutWeights() const {
    std::string_view found = "none";
    for (const std::string& file : tree_.files) {
      for (const std::string_view ending :
           {".onnx", ".gguf", ".h5", ".msgpack", ".bin", ".safetensors", ".xml"}) {
        if (file.ends_with(ending)) found = file;
      }
    }
    Fail(ErrorCode::kNotFound, "no weights that can be read",
         fmt::format("{}: found {}, expected model.safetensors or pytorch_model.bin", tree_.name,
                     Printable(found)),
         "use a model that has them");
  }

  const ModelTree& tree_;
  std::vector<std::string> folders_;
  std::vector<std::string> static_folders_;  // of modules that are weights of tokens
};

}  // namespace

void FetchNeededFiles(const ModelTree& tree) { Walk(tree).Run(); }

namespace {

// No more than one over kMaxLocalFiles: of so many, who asks says that all is there. A link that
// leads nowhere is a file that is absent.
std::vector<std::string> RegularFiles(const fs::path& dir) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.is_regular_file()) files.push_back(entry.path().lexically_relative(dir));
    if (files.size() > kMaxLocalFiles) break;
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool IsTokenizerFile(std::string_view name) {
  return std::find(std::begin(kTokenizerFiles), std::end(kTokenizerFiles), name) !=
         std::end(kTokenizerFiles);
}

}  // namespace

bool HasTokenizerFiles(const fs::path& dir) {
  try {
    const std::vector<std::string> files = RegularFiles(dir);
    return files.size() > kMaxLocalFiles ||
           std::any_of(files.begin(), files.end(), [](const std::string& file) {
             return IsTokenizerFile(fs::path(file).filename().string());
           });
  } catch (const fs::filesystem_error&) {
    return false;
  }
}

bool HasNeededFiles(const fs::path& dir) {
  try {
    ModelTree tree;
    tree.name = dir.string();
    tree.files = RegularFiles(dir);
    if (tree.files.size() > kMaxLocalFiles) return true;
    std::set<std::string> names;
    tree.fetch = [&names](const std::vector<std::string>& files) {
      for (const std::string& file : files) names.insert(fs::path(file).filename());
    };
    tree.read = [&dir](const std::string& file) { return ReadFile(dir / file, kMaxReadBytes); };
    FetchNeededFiles(tree);
    return names.count("config.json") > 0 &&
           std::any_of(names.begin(), names.end(), IsTokenizerFile);
  } catch (const Error&) {
    return false;
  } catch (const fs::filesystem_error&) {
    return false;
  }
}

bool IsWholeSnapshot(const fs::path& snapshot) {
  if (!HasNeededFiles(snapshot)) return false;
  std::error_code ignored;
  if (fs::exists(snapshot / "modules.json", ignored) || IsKnownAbsent(snapshot, "modules.json")) {
    return true;
  }
  try {
    const auto config = json::Document::Load((snapshot / "config.json").string(), kMaxReadBytes);
    const auto architectures = config->root().FindNonNull("architectures");
    return architectures && architectures->is_array() && architectures->size() > 0 &&
           architectures->Elements()[0].AsString().ends_with("ForSequenceClassification");
  } catch (const Error&) {
    return true;  // reading the model says what is wrong with it
  }
}

}  // namespace bge::hub
