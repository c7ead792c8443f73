#include "base/links.h"

#include "base/env.h"
#include "base/error.h"

#include <algorithm>
#include <string>
#include <system_error>

namespace bge {

namespace fs = std::filesystem;

namespace {

constexpr int kMostEntries = 10'000;
constexpr int kMostLevels = 8;

bool IsWithin(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

// Nothing can be opened by this link. (What cannot be resolved may still open: a link of /proc.)
bool LeadsNowhere(const fs::path& link) {
  std::error_code error;
  const fs::file_status status = fs::status(link, error);
  return status.type() == fs::file_type::not_found ||
         error == std::errc::too_many_symbolic_link_levels;
}

// Where links of `dir`, which is canonical, may lead: to itself, or to what a snapshot belongs to.
fs::path AllowedFolder(const fs::path& dir) {
  const fs::path snapshots = dir.parent_path();
  const fs::path model = snapshots.parent_path();
  const bool in_cache =
      snapshots.filename() == "snapshots" && model.filename().string().starts_with("models--");
  return in_cache ? model : dir;
}

}  // namespace

void RefuseLinksOutside(const fs::path& dir) {
  if (GetEnv("BGE_FOLLOW_LINKS") == "1") return;
  std::error_code error;
  const fs::path root = fs::canonical(dir, error);
  // What cannot be read is reported by who reads it.
  if (error || !fs::is_directory(root, error)) return;
  const fs::path allowed = AllowedFolder(root);
  int entries = 0;
  // Folders behind links are not entered. A folder that cannot be listed is no reason to trust what
  // is in it: it may be passed through to a name that is known.
  fs::recursive_directory_iterator it(root, fs::directory_options::none, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (++entries > kMostEntries || it.depth() >= kMostLevels) {
      Fail(ErrorCode::kInvalidArgument, "more files and folders than a model has",
           dir.string() + ": found over " +
               (entries > kMostEntries ? std::to_string(kMostEntries) + " entries"
                                       : std::to_string(kMostLevels) + " levels"),
           "give the directory of the model alone");
    }
    if (!it->is_symlink(error)) continue;
    const std::string where = (dir / it->path().lexically_relative(root)).string();
    if (LeadsNowhere(it->path())) continue;
    std::error_code unresolved;
    const fs::path target = fs::canonical(it->path(), unresolved);
    if (!unresolved && IsWithin(target, allowed)) continue;
    Fail(ErrorCode::kInvalidArgument, "a link leads out of the model directory", where,
         "put the file in its place, or set BGE_FOLLOW_LINKS=1 if you trust the directory");
  }
  if (error) {
    Fail(ErrorCode::kIo, "cannot list the model directory", dir.string() + ": " + error.message(),
         "check permissions, of its folders too");
  }
}

}  // namespace bge
