// Names of models, and finding them where Python's huggingface_hub, or `bge pull`, has put them:
// the layout of its cache.
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

/// $XDG_CACHE_HOME, else ~/.cache.
std::filesystem::path CacheHomeDir();

/// $HF_HOME, else $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface: what else
/// huggingface_hub keeps, such as the token.
std::filesystem::path HubHomeDir();

/// "~", "~/x", "$NAME" and "${NAME}" as a shell would expand them, which it does not do in the
/// values of environment variables. A variable that is not set stays as it is.
std::filesystem::path ExpandPath(const std::string& path);

// In all that follows `cache` is a folder of that layout.

/// cache/models--ORG--NAME, whether it is there or not.
std::filesystem::path RepoFolder(const std::string& repo,
                                 const std::filesystem::path& cache = HubCacheDir());

/// The snapshot directory of the name, if it is in the cache: models--ORG--NAME/snapshots/COMMIT,
/// the commit read from refs/REVISION or given as such.
std::optional<std::filesystem::path> FindInCache(
    const ModelName& name, const std::filesystem::path& cache = HubCacheDir());

/// As FindInCache; a name without an organisation also among those of sentence-transformers.
std::optional<std::filesystem::path> FindModel(const ModelName& name,
                                               const std::filesystem::path& cache = HubCacheDir());

/// What a user has called a model: a directory that is there, or a name. Error(kInvalidArgument,
/// kNotFound) where it is neither.
struct ModelReference {
  std::filesystem::path dir;      ///< empty: a name
  std::optional<ModelName> name;  ///< nullopt: a directory
};
ModelReference ParseModelReference(const std::string& path_or_name);

/// The end of an error: the commands that put a model into the cache.
std::string HowToGet(const ModelName& name);

/// Error(kNotFound) that says where a model was looked for and how to get it.
[[noreturn]] void FailNotInCache(const ModelName& name,
                                 const std::filesystem::path& cache = HubCacheDir());

/// A directory as it is, else a name found in the cache, else FailNotInCache.
std::filesystem::path ResolveModel(const std::string& path_or_name,
                                   const std::filesystem::path& cache = HubCacheDir());

/// Whether `text` can be a commit: 40 lower-case hexadecimal digits.
bool IsCommit(std::string_view text);

/// "ORG/NAME" and the commit where `dir` is .../models--ORG--NAME/snapshots/COMMIT (links resolved
/// or not).
std::optional<ModelName> NameOfSnapshot(const std::filesystem::path& dir);

/// "ORG/NAME" where `dir` is .../models--ORG--NAME/snapshots/COMMIT (links resolved or not).
std::optional<std::string> RepoOfSnapshot(const std::filesystem::path& dir);

}  // namespace bge

#endif  // BGE_HUB_CACHE_H_
