// Keeps two processes from writing the same index at once.
#ifndef BGE_INDEX_WRITE_LOCK_H_
#define BGE_INDEX_WRITE_LOCK_H_

#include "base/owner_process.h"

#include <filesystem>

namespace bge::index {

/// Holds an advisory lock (flock) on a file, which exists while the lock is held. A process that
/// dies gives the lock up; the file it leaves is taken over by the next. A child that was forked
/// meanwhile does not give it up, but holds it too while it lives.
class WriteLock {
 public:
  /// Does not wait: kInvalidArgument where another writer holds it, kIo where it cannot be made.
  explicit WriteLock(std::filesystem::path file);
  ~WriteLock();
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  std::filesystem::path file_;
  int fd_ = -1;
  OwnerProcess owner_;
};

}  // namespace bge::index

#endif  // BGE_INDEX_WRITE_LOCK_H_
