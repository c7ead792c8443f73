#include "hub/lock_file.h"

#include "base/error.h"
#include "base/stop.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace bge::hub {

namespace fs = std::filesystem;

namespace {

// filelock asks as often.
constexpr useconds_t kPauseMicroseconds = 50'000;

[[noreturn]] void FailLock(const fs::path& path, int error) {
  Fail(ErrorCode::kIo, "cannot lock a file of the Hugging Face cache",
       path.string() + ": " + std::strerror(error),
       "make the cache writable, or choose another with HF_HUB_CACHE");
}

// Parity: huggingface_hub's WeakFileLock, which its users' groups may share.
int Open(const fs::path& path) {
  std::error_code folder;
  fs::create_directories(path.parent_path(), folder);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0664);
  if (fd >= 0) return fd;
  // Another user's can be locked too, if it can be read.
  const int reason = errno == ENOENT && folder ? folder.value() : errno;
  const int readable =
      reason == EACCES ? ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC) : -1;
  if (readable < 0) FailLock(path, reason);
  return readable;
}

// Whether the file that is open is still the one of that name: others may remove what they lock.
bool IsStill(int fd, const fs::path& path) {
  struct stat opened = {};
  struct stat named = {};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

LockFile::LockFile(const fs::path& path, const std::stop_token& stop,
                   const std::function<void()>& on_wait)
    : fd_(Open(path)) {
  try {
    for (bool waited = false;;) {
      ThrowIfStopped(&stop);
      if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) {
        if (IsStill(fd_, path)) return;
        ::close(std::exchange(fd_, -1));  // Open may throw
        fd_ = Open(path);
        continue;
      }
      if (errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK) return;
      if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR) FailLock(path, errno);
      if (!waited && on_wait) on_wait();
      waited = true;
      ::usleep(kPauseMicroseconds);
    }
  } catch (...) {
    if (fd_ >= 0) ::close(fd_);
    throw;
  }
}

LockFile::~LockFile() { ::close(fd_); }

}  // namespace bge::hub
