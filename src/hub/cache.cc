// Layout: HUB/models--ORG--NAME/{refs/REVISION, snapshots/COMMIT/<links into ../../blobs>}; a file
// in refs holds the commit of a branch or tag. Follows huggingface_hub's constants.py and
// _validators.py.
#include "hub/cache.h"

#include "base/env.h"
#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kFolderPrefix = "models--";
constexpr size_t kMaxNameBytes = 96;
constexpr size_t kMaxRevisionBytes = 255;

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// One of the two parts of a repository's name.
bool IsNamePart(std::string_view part) {
  return !part.empty() && IsWordCharacter(part.front()) && IsWordCharacter(part.back()) &&
         std::all_of(part.begin(), part.end(),
                     [](char c) { return IsWordCharacter(c) || c == '-' || c == '.'; });
}

bool IsRepoName(std::string_view name) {
  if (name.size() > kMaxNameBytes || name.find("--") != std::string_view::npos ||
      name.find("..") != std::string_view::npos || name.ends_with(".git")) {
    return false;
  }
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return IsNamePart(name);
  return IsNamePart(name.substr(0, slash)) && IsNamePart(name.substr(slash + 1));
}

// A branch ("main", "refs/pr/3"), tag or commit. It becomes part of a path: nothing may lead out.
bool IsRevision(std::string_view revision) {
  if (revision.empty() || revision.size() > kMaxRevisionBytes || revision.front() == '/' ||
      revision.back() == '/' || revision.find("//") != std::string_view::npos) {
    return false;
  }
  for (size_t begin = 0; begin < revision.size();) {
    const size_t end = std::min(revision.find('/', begin), revision.size());
    const std::string_view part = revision.substr(begin, end - begin);
    if (part == "." || part == "..") return false;
    begin = end + 1;
  }
  return std::all_of(revision.begin(), revision.end(), [](char c) {
    return IsWordCharacter(c) || c == '-' || c == '.' || c == '/' || c == '+';
  });
}

fs::path HomeDir() {
  if (const auto home = GetEnv("HOME")) return *home;
  // A service without HOME: what the user database says, as Python does.
  std::vector<char> buffer(16384);
  struct passwd entry = {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr && found->pw_dir != nullptr) {
    return found->pw_dir;
  }
  return "/";
}

// "$NAME" and "${NAME}" by their values, where they have one. Parity: os.path.expandvars.
std::string ExpandVariables(std::string_view text) {
  std::string expanded;
  while (!text.empty()) {
    const size_t dollar = std::min(text.find('$'), text.size());
    expanded += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    const bool braces = text.starts_with("${");
    const size_t begin = braces ? 2 : 1;
    size_t end = begin;
    if (braces) {
      end = text.find('}');
    } else {
      while (end < text.size() && IsWordCharacter(text[end])) ++end;
    }
    std::optional<std::string> value;
    if (end != std::string_view::npos && end > begin) {
      value = GetEnvAsSet(std::string(text.substr(begin, end - begin)).c_str());
    }
    expanded += value ? *value : "$";
    text.remove_prefix(value ? end + (braces ? 1 : 0) : 1);
  }
  return expanded;
}

bool IsDirectory(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// Clearly meant as a path, so that it is never looked up as a name.
bool LooksLikePath(std::string_view text) {
  const std::string_view repo = text.substr(0, text.find('@'));  // a revision may have slashes
  return text.starts_with('/') || text.starts_with('.') || text.starts_with('~') ||
         text.ends_with('/') || std::count(repo.begin(), repo.end(), '/') > 1;
}

}  // namespace

std::optional<ModelName> ParseModelName(std::string_view name) {
  ModelName result;
  const size_t at = name.find('@');
  result.repo = name.substr(0, at);
  result.revision = at == std::string_view::npos ? "main" : name.substr(at + 1);
  if (!IsRepoName(result.repo) || !IsRevision(result.revision)) return std::nullopt;
  return result;
}

fs::path ExpandPath(const std::string& path) {
  const std::string home = path == "~" || path.starts_with("~/") ? HomeDir().string() : "";
  return ExpandVariables(home.empty() ? path : home + path.substr(1));
}

fs::path CacheHomeDir() {
  const auto xdg = GetEnv("XDG_CACHE_HOME");
  return xdg ? ExpandPath(*xdg) : HomeDir() / ".cache";
}

fs::path HubHomeDir() {
  if (const auto home = GetEnv("HF_HOME")) return ExpandPath(*home);
  return CacheHomeDir() / "huggingface";
}

fs::path HubCacheDir() {
  for (const char* variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const auto dir = GetEnv(variable)) return ExpandPath(*dir);
  }
  return HubHomeDir() / "hub";
}

fs::path RepoFolder(const std::string& repo, const fs::path& cache) {
  std::string folder(kFolderPrefix);
  for (const char c : repo) folder += c == '/' ? std::string("--") : std::string(1, c);
  return cache / folder;
}

std::optional<fs::path> FindInCache(const ModelName& name, const fs::path& cache) {
  if (!IsRepoName(name.repo) || !IsRevision(name.revision)) return std::nullopt;
  const fs::path folder = RepoFolder(name.repo, cache);
  const fs::path ref = folder / "refs" / name.revision;
  std::string commit = name.revision;
  std::error_code ignored;
  if (fs::is_regular_file(ref, ignored)) {
    commit = ReadFile(ref, kMaxRevisionBytes + 2);
    commit.erase(commit.find_last_not_of(" \t\r\n") + 1);
    if (!IsRevision(commit) || commit.find('/') != std::string::npos) {
      Fail(ErrorCode::kCorruptData, "broken reference in the Hugging Face cache",
           fmt::format("{}: found \"{}\", expected a commit hash", ref.string(),
                       Printable(commit, 60)),
           HowToGet(name));
    }
  }
  const fs::path snapshot = folder / "snapshots" / commit;
  if (commit.find('/') != std::string::npos || !IsDirectory(snapshot)) return std::nullopt;
  return snapshot;
}

std::optional<fs::path> FindModel(const ModelName& name, const fs::path& cache) {
  if (auto snapshot = FindInCache(name, cache)) return snapshot;
  if (name.repo.find('/') != std::string::npos) return std::nullopt;
  // Parity: sentence-transformers looks for names without an organisation in its own.
  return FindInCache({"sentence-transformers/" + name.repo, name.revision}, cache);
}

ModelReference ParseModelReference(const std::string& path_or_name) {
  if (path_or_name.empty()) {
    Fail(ErrorCode::kInvalidArgument, "no model given", "found an empty string",
         "give a model directory or a name such as BAAI/bge-small-en-v1.5");
  }
  if (IsDirectory(path_or_name)) return {path_or_name, std::nullopt};
  std::error_code ignored;
  if (fs::exists(path_or_name, ignored)) {
    Fail(ErrorCode::kInvalidArgument, "model is not a directory",
         path_or_name + ": found a file, expected a directory",
         "give the directory that holds config.json and the weights");
  }
  if (LooksLikePath(path_or_name)) {
    Fail(ErrorCode::kNotFound, "no such model directory", Printable(path_or_name),
         "check the path, or give a name such as BAAI/bge-small-en-v1.5");
  }
  const auto name = ParseModelName(path_or_name);
  if (!name) {
    Fail(ErrorCode::kInvalidArgument, "neither a model directory nor a model name",
         Printable(path_or_name),
         "give a directory, or a name such as BAAI/bge-small-en-v1.5 or BAAI/bge-m3@main");
  }
  return {{}, name};
}

std::string HowToGet(const ModelName& name) {
  std::string pull = "bge pull " + name.repo;
  std::string command = "hf download " + name.repo;
  if (name.revision != "main") {
    pull += "@" + name.revision;
    command += " --revision " + name.revision;
  }
  return fmt::format(
      "get it with `{}` or `{}` (older: huggingface-cli download), or give a model directory", pull,
      command);
}

void FailNotInCache(const ModelName& name, const fs::path& cache) {
  const fs::path folder = RepoFolder(name.repo, cache);
  if (IsDirectory(folder / "snapshots")) {
    Fail(ErrorCode::kNotFound, "revision is not in the Hugging Face cache",
         fmt::format("{}: revision {} in {}", name.repo, name.revision, folder.string()),
         HowToGet(name));
  }
  Fail(ErrorCode::kNotFound, "model is not in the Hugging Face cache",
       fmt::format("{}: no directory of this name, and no such model in {}", name.repo,
                   cache.string()),
       HowToGet(name));
}

fs::path ResolveModel(const std::string& path_or_name, const fs::path& cache) {
  const ModelReference model = ParseModelReference(path_or_name);
  if (!model.name) return model.dir;
  if (const auto snapshot = FindModel(*model.name, cache)) return *snapshot;
  FailNotInCache(*model.name, cache);
}

bool IsCommit(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::optional<ModelName> NameOfSnapshot(const fs::path& dir) {
  std::error_code ignored;
  for (fs::path path :
       {fs::absolute(dir, ignored).lexically_normal(), fs::weakly_canonical(dir, ignored)}) {
    if (!path.has_filename()) path = path.parent_path();
    const fs::path snapshots = path.parent_path();
    const std::string folder = snapshots.parent_path().filename().string();
    if (snapshots.filename() != "snapshots" || !folder.starts_with(kFolderPrefix)) continue;
    std::string repo = folder.substr(kFolderPrefix.size());
    const size_t separator = repo.find("--");
    if (separator != std::string::npos) repo.replace(separator, 2, "/");
    if (IsRepoName(repo)) return ModelName{repo, path.filename().string()};
  }
  return std::nullopt;
}

std::optional<std::string> RepoOfSnapshot(const fs::path& dir) {
  const auto name = NameOfSnapshot(dir);
  return name ? std::optional(name->repo) : std::nullopt;
}

}  // namespace bge
