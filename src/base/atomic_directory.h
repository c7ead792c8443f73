// A folder that is written aside and renamed.
#ifndef BGE_BASE_ATOMIC_DIRECTORY_H_
#define BGE_BASE_ATOMIC_DIRECTORY_H_

#include "base/owner_process.h"
#include "base/unfinished.h"

#include <filesystem>

namespace bge {

/// A new folder that appears under its name only with Commit(). Destroyed without it, it leaves
/// nothing behind; RemoveUnfinishedFiles() does the same from a signal handler. Not thread-safe.
class AtomicDirectory {
 public:
  /// Creates a temporary sibling of `path`. Error(kInvalidArgument) unless `path` is absent or an
  /// empty folder; kNotFound, kIo.
  explicit AtomicDirectory(const std::filesystem::path& path);
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  /// Where to write until Commit().
  std::filesystem::path path() const { return temporary_.text(); }
  /// Renames it; its files were synced before. Error(kInvalidArgument) where something has
  /// appeared under the name meanwhile; kIo.
  void Commit();

 private:
  const std::filesystem::path target_;  // without a slash at its end
  UnfinishedName temporary_;
  bool committed_ = false;
  OwnerProcess owner_;
};

}  // namespace bge

#endif  // BGE_BASE_ATOMIC_DIRECTORY_H_
