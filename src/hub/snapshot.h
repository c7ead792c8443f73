// snapshots/COMMIT of a repository in the cache: links to blobs under the files' names, and the
// branch or tag in refs that leads there.
#ifndef BGE_HUB_SNAPSHOT_H_
#define BGE_HUB_SNAPSHOT_H_

#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>

namespace bge::hub {

/// Files that a snapshot is to have: name -> the blob's.
using SnapshotFiles = std::map<std::string, std::string>;

/// Makes snapshots/COMMIT of `folder` (models--ORG--NAME) hold these files, whose blobs are there:
/// a new one appears with all of them at once, one that is there is added to. Links, or copies
/// where those are not wanted or the file system has none. Returns its path. Error(kIo,
/// kCancelled).
std::filesystem::path WriteSnapshot(const std::filesystem::path& folder, const std::string& commit,
                                    const SnapshotFiles& files, bool symlinks,
                                    const std::stop_token& stop);

/// Whether .no_exist/COMMIT says that the repository has no such file at `snapshot`'s commit.
/// Python writes it, and MarkAbsent.
bool IsKnownAbsent(const std::filesystem::path& snapshot, std::string_view file);

/// Writes that, where the cache can be written.
void MarkAbsent(const std::filesystem::path& snapshot, std::string_view file);

/// Writes refs/REVISION, unless it says so already or the revision is the commit itself.
void WriteRef(const std::filesystem::path& folder, const std::string& revision,
              const std::string& commit);

}  // namespace bge::hub

#endif  // BGE_HUB_SNAPSHOT_H_
