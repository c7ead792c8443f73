// Which process an object belongs to.
#ifndef BGE_BASE_OWNER_PROCESS_H_
#define BGE_BASE_OWNER_PROCESS_H_

#include <unistd.h>

namespace bge {

/// A member of objects that undo, when they are destroyed, what they did outside of the process:
/// temporary files, locks. A child that was forked meanwhile has a copy of the object, and must not
/// undo what its parent is still at. Moves and copies belong to the same process.
class OwnerProcess {
 public:
  /// Whether this is the process that made the object.
  bool IsThisOne() const { return pid_ == ::getpid(); }

 private:
  pid_t pid_ = ::getpid();
};

}  // namespace bge

#endif  // BGE_BASE_OWNER_PROCESS_H_
