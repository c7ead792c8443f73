// Long work without the GIL, which Ctrl-C ends.
#ifndef BGE_PYTHON_BINDINGS_INTERRUPTIBLE_H_
#define BGE_PYTHON_BINDINGS_INTERRUPTIBLE_H_

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <utility>

namespace bge::python {

/// The text_bytes of work that may always be long.
inline constexpr size_t kLongWork = size_t{1} << 20;

/// Calls work() without the GIL, and returns when it has ended. `text_bytes` says how long that may
/// take: what is short runs on the calling thread. Longer work of Python's main thread runs on
/// another one, while this one lets Python handle signals some times a second: where a handler
/// raises (KeyboardInterrupt), `stop` is asked to stop the work, and that exception leaves. What
/// work throws leaves as it is. With the GIL.
void RunInterruptibly(size_t text_bytes, std::stop_source* stop, const std::function<void()>& work);

/// A progress callback for the library that calls callable(done, total) with the GIL, from whatever
/// thread. What it raises ends the work: `stop` is asked to, and Finish() raises it. Created and
/// destroyed with the GIL.
class ProgressCall {
 public:
  /// `callable` may be None: then Function() is empty.
  ProgressCall(nanobind::object callable, std::stop_source* stop)
      : callable_(std::move(callable)), stop_(stop) {}

  /// Valid as long as this object.
  std::function<void(int64_t done, int64_t total)> Function();
  /// Once the work has ended: whatever the callable raised. Does nothing where it raised nothing.
  void Finish();

 private:
  nanobind::object callable_;
  std::stop_source* stop_;
  std::optional<nanobind::python_error> error_;  // guarded by the GIL
};

}  // namespace bge::python

#endif  // BGE_PYTHON_BINDINGS_INTERRUPTIBLE_H_
