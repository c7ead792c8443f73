#include "base/stop.h"

#include "base/error.h"

namespace bge {

void FailStopped() {
  Fail(ErrorCode::kCancelled, "the work was cancelled", "the caller's stop token", "call again");
}

}  // namespace bge
