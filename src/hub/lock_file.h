// The locks that keep two processes, ours or Python's, from downloading one file twice.
#ifndef BGE_HUB_LOCK_FILE_H_
#define BGE_HUB_LOCK_FILE_H_

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string_view>

namespace bge::hub {

/// Holds the lock of Python's filelock (UnixFileLock: flock on a file that stays) while it lives.
/// On file systems without flock it holds nothing, as there: what it guards is only work done
/// twice.
class LockFile {
 public:
  /// Waits until nobody else has it; `on_wait` is called once where that takes time. Creates the
  /// file and its folders. Error(kIo, kCancelled).
  LockFile(const std::filesystem::path& path, const std::stop_token& stop,
           const std::function<void()>& on_wait);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace bge::hub

#endif  // BGE_HUB_LOCK_FILE_H_
