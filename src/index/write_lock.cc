// See write_lock.h.
#include "index/write_lock.h"

#include "base/error.h"
#include "base/file_operations.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace bge::index {
namespace {

// Whether `fd` is still the file that the name stands for: its holder removes the file before it
// gives the lock up, so a lock may be won on a file that is gone.
bool IsStillNamed(int fd, const std::filesystem::path& file) {
  struct stat opened = {};
  struct stat named = {};
  return ::fstat(fd, &opened) == 0 && ::stat(file.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

WriteLock::WriteLock(std::filesystem::path file) : file_(std::move(file)) {
  while (true) {
    fd_ = FileOperations::Current().Open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                                         0666);
    if (fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) == 0) {
      if (IsStillNamed(fd_, file_)) return;
      ::close(fd_);
      continue;
    }
    const int error = errno;
    if (fd_ >= 0) ::close(fd_);
    if (error == EINTR) continue;
    if (error == EWOULDBLOCK) {
      Fail(ErrorCode::kInvalidArgument, "the index is being written by somebody else",
           file_.string(), "wait until that is done");
    }
    Fail(ErrorCode::kIo, "cannot lock the index", file_.string() + ": " + std::strerror(error),
         "check permissions and disk");
  }
}

WriteLock::~WriteLock() {
  if (owner_.IsThisOne()) FileOperations::Current().Unlink(file_.c_str());
  ::close(fd_);
}

}  // namespace bge::index
