// Files: mapped for reading, written aside and renamed.
#ifndef BGE_BASE_FILE_H_
#define BGE_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct stat;

namespace bge {

/// Whether a file may be read through a link of its name; links in the folders before it always
/// may.
enum class Links { kFollowed, kRefused };

/// A whole file mapped read-only. Immutable; thread-safe. The file must not be changed in place
/// while it is mapped (a truncation is a SIGBUS): replace it by rename instead.
class MappedFile {
 public:
  /// Error(kNotFound) or Error(kIo). A directory or other non-regular file is kInvalidArgument, and
  /// so is a link where those are refused.
  static std::shared_ptr<const MappedFile> Open(const std::filesystem::path& path,
                                                Links links = Links::kFollowed);
  /// The same, but no link, and Error(kInvalidArgument) where somebody else than this user or root
  /// owns it or may write it.
  static std::shared_ptr<const MappedFile> OpenOwn(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Inode, size and times of change: other text where the file was changed before it was opened.
  const std::string& state() const { return state_; }

  /// Lets the kernel drop the pages of [offset, offset + size) from this process; they are read
  /// again if touched again.
  void Release(size_t offset, size_t size) const;

 private:
  MappedFile() = default;
  static std::shared_ptr<const MappedFile> Map(const std::filesystem::path& path, int fd,
                                               const struct stat& info);
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::filesystem::path path_;
  std::string state_;
};

/// The file's content. Errors as MappedFile::Open, or kCorruptData where it is over max_bytes.
std::string ReadFile(const std::filesystem::path& path, uint64_t max_bytes,
                     Links links = Links::kFollowed);

/// Who may use a file that is written: those who may use the one that it replaces (a new one: whom
/// the umask allows), or its owner alone, to read and write.
enum class FileAccess { kAsBefore, kOwnerOnly };

/// A file that appears under its name only when Commit() has written and synced all of it.
/// Destroyed without Commit, it leaves nothing behind; RemoveUnfinishedFiles() does the same from a
/// signal handler. Not thread-safe.
class AtomicFile {
 public:
  /// Creates a temporary sibling of `path`, with the permissions of the file that it will replace.
  /// Error(kIo).
  explicit AtomicFile(const std::filesystem::path& path, FileAccess access = FileAccess::kAsBefore);
  AtomicFile(AtomicFile&&) noexcept;
  ~AtomicFile();

  void Write(std::string_view bytes);
  void Write(std::span<const std::byte> bytes);
  /// Overwrites what was written before, for headers that are known at the end only.
  void WriteAt(uint64_t offset, std::string_view bytes);
  /// Reads back [offset, offset + size) of what was written before.
  std::string ReadAt(uint64_t offset, size_t size);
  uint64_t size() const;
  /// Flushes, syncs, renames to the final name, syncs the folder. Where only the last step fails,
  /// the file has its name, and may lose it again in a power failure.
  void Commit();
  /// The same without the folder: for several files, then SyncFolder() once.
  void CommitName();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bge

#endif  // BGE_BASE_FILE_H_
