// Which files of a repository a model needs: its configuration, its tokenizer, one form of its
// weights. Most repositories hold the weights three times (PyTorch, safetensors, ONNX).
#ifndef BGE_HUB_NEEDED_FILES_H_
#define BGE_HUB_NEEDED_FILES_H_

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace bge::hub {

/// A repository, there or here: names, and the content of those that say what else is needed.
struct ModelTree {
  std::string name;                ///< for messages
  std::vector<std::string> files;  ///< sorted; relative paths
  /// Makes these files available, each once; called in turn, small files before weights.
  std::function<void(const std::vector<std::string>&)> fetch;
  /// The content of one that has been fetched, of at most 64 MiB.
  std::function<std::string(const std::string&)> read;
};

/// Fetches what bge (and Python) reads of a model: in the root and in the folders that modules.json
/// and router_config.json name, configuration, tokenizers and BGE-M3's heads; then the weights of
/// each: model.safetensors, else its shards as model.safetensors.index.json lists them, else the
/// same of pytorch_model.bin. Never ONNX and the like, nor documentation. Error(kNotFound) where no
/// weights are there that can be read, or a shard is not; kCorruptData.
void FetchNeededFiles(const ModelTree& tree);

/// Whether a directory has all of that, as far as its own files tell.
bool HasNeededFiles(const std::filesystem::path& dir);

/// Whether a snapshot in the cache (models--ORG--NAME/snapshots/COMMIT) has all that the repository
/// has. What other programs leave may lack modules.json without a trace, and then the model would
/// be another one: transformers' from_pretrained fetches none. So it is there, or the cache says
/// that the repository has none (IsKnownAbsent), or the model is a classifier, which needs none.
bool IsWholeSnapshot(const std::filesystem::path& snapshot);

/// Whether it has the files of a tokenizer, in it or in a folder of it.
bool HasTokenizerFiles(const std::filesystem::path& dir);

}  // namespace bge::hub

#endif  // BGE_HUB_NEEDED_FILES_H_
