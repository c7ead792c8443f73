// Files and folders that are being written: their temporary names, and their removal when the work
// ends early.
#ifndef BGE_BASE_UNFINISHED_H_
#define BGE_BASE_UNFINISHED_H_

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

namespace bge {

inline constexpr size_t kMostNameBytes = 255;  // of one file name, on every file system of Linux

/// The name of something not yet complete in the folder of `path`, so that it can be renamed to it.
/// Removed by RemoveUnfinishedFiles() until Keep() or the end of its life; nothing is created. Not
/// thread-safe.
class UnfinishedName {
 public:
  explicit UnfinishedName(const std::filesystem::path& path);
  ~UnfinishedName();
  UnfinishedName(const UnfinishedName&) = delete;
  UnfinishedName& operator=(const UnfinishedName&) = delete;

  const std::string& text() const { return text_; }
  /// To be called before the rename: it is not removed any more, unless it is gone already.
  void Keep();

 private:
  std::string text_;
  void* slot_;
};

/// The file, or the folder with all that is in it. What cannot be removed stays. Async-signal-safe.
void RemoveTree(const char* path) noexcept;

/// Removes what this process has begun and not committed.
/// Async-signal-safe; may run beside other threads.
void RemoveUnfinishedFiles() noexcept;

/// Files with a temporary name that are younger may be those of a process that is at work.
inline constexpr std::chrono::hours kOldLeftover(1);

/// Removes what killed processes left of writing the file `path`: files with its temporary names
/// that were not written to for so long. What cannot be removed stays.
void RemoveLeftovers(const std::filesystem::path& path,
                     std::chrono::seconds older_than = kOldLeftover);

/// Makes what was renamed in a folder ("" is the current one) outlast a power failure, where its
/// file system can. Error(kIo) where the disk fails.
void SyncFolder(const std::filesystem::path& folder);

}  // namespace bge

#endif  // BGE_BASE_UNFINISHED_H_
