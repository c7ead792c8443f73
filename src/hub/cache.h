// Finding a model that Python has already downloaded: the layout of huggingface_hub's cache.
#ifndef BGE_HUB_CACHE_H_
#define BGE_HUB_CACHE_H_

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace bge {

/// "BAAI/bge-small-en-v1.5@main" split; revision "main" where there is none.
struct ModelName {
  std::string repo;
  std::string revision;
};
/// nullopt where `name` is not "[org/]name[@revision]" of the characters that the hub allows.
std::optional<ModelName> ParseModelName(std::string_view name);

/// $HF_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub.
std::filesystem::path HubCacheDir();

/// The snapshot directory of the name, if it is in the cache: models--ORG--NAME/snapshots/COMMIT,
/// the commit read from refs/REVISION or given as such.
std::optional<std::filesystem::path> FindInCache(const ModelName& name);

/// A directory as it is, else a name found in the cache, else Error(kNotFound) that says how to get
/// it.
std::filesystem::path ResolveModel(const std::string& path_or_name);

/// "ORG/NAME" where `dir` is .../models--ORG--NAME/snapshots/COMMIT (links resolved or not).
std::optional<std::string> RepoOfSnapshot(const std::filesystem::path& dir);

}  // namespace bge

#endif  // BGE_HUB_CACHE_H_
