// The directory of an index: who may write it, its manifest, and the files that nobody needs.
#ifndef BGE_INDEX_INDEX_DIRECTORY_H_
#define BGE_INDEX_INDEX_DIRECTORY_H_

#include "base/owner_process.h"
#include "index/manifest.h"
#include "index/segment_writer.h"
#include "index/write_lock.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bge::index {

/// The manifest's bytes. Error(kNotFound) where there is no index.
std::string ReadManifest(const std::filesystem::path& dir);

/// An index directory that this object alone may write. Single thread.
class IndexDirectory {
 public:
  /// For a new index: `dir` must be absent (it is then created, and removed again unless something
  /// stays in it), empty, or an index, from which what dead writers left is removed.
  /// Error(kInvalidArgument), also where another one writes it; kIo.
  static IndexDirectory ForNewIndex(const std::filesystem::path& dir);
  /// For changes: Error(kNotFound) unless there is a manifest.
  static IndexDirectory ForChanges(const std::filesystem::path& dir);
  IndexDirectory(IndexDirectory&&) noexcept = default;
  IndexDirectory& operator=(IndexDirectory&&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Error(kInvalidArgument) in a child that was forked since.
  void RequireOwner() const;

  /// Makes `manifest` the index, whose `files` have their names already: they are kept, and all
  /// others removed. Has lasted when it returns. Error(kInvalidArgument) for one that ParseManifest
  /// would refuse; kIo. Where it throws, readers get the old index or the
  /// new one, whole; the files of the old one are then there still, and so are those of the new one
  /// unless it is sure that nobody names them.
  void Replace(const Manifest& manifest, PlacedFiles* files);

  /// Removes what writers that died have left: files that `manifest`, which was read here, does not
  /// name. First makes sure that the manifest lasts.
  void RemoveLeftovers(const Manifest& manifest);

  /// Lets others write.
  void Unlock() { lock_.reset(); }

 private:
  // Removes the directories, which it has created, unless something is in them.
  class Created {
   public:
    Created() = default;
    ~Created();
    Created(Created&&) noexcept = default;
    Created& operator=(Created&&) = delete;
    std::vector<std::filesystem::path> paths;  // the outer before the inner
    OwnerProcess owner;
  };

  explicit IndexDirectory(const std::filesystem::path& dir);
  void Create();
  void Lock();
  void RemoveFilesNotOf(const Manifest& manifest) const;

  std::filesystem::path path_;  // without a slash at its end
  Created created_;
  std::unique_ptr<WriteLock> lock_;
  OwnerProcess owner_;
};

}  // namespace bge::index

#endif  // BGE_INDEX_INDEX_DIRECTORY_H_
