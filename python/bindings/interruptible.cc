#include "bindings/interruptible.h"

#include "bindings/gil.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace nb = nanobind;

namespace bge::python {

namespace {

// About a twentieth of a second of bge-base on two cores: nobody waits for that, and a thread of
// its own would cost a query more than its overhead may be.
constexpr size_t kShortBytes = 2048;

// Python handles signals on the thread that began the process, or forked it.
bool OnMainThread() {
#if defined(__linux__)
  return getpid() == static_cast<pid_t>(syscall(SYS_gettid));
#else
  return true;
#endif
}

}  // namespace

void RunInterruptibly(size_t text_bytes, std::stop_source* stop,
                      const std::function<void()>& work) {
  if (text_bytes <= kShortBytes || !OnMainThread()) {
    const WithoutGil released;
    return work();
  }
  std::mutex mu;
  std::condition_variable changed;
  bool done = false;
  std::exception_ptr error;
  bool interrupted = false;
  {
    const WithoutGil released;
    std::thread worker([&] {
      try {
        work();
      } catch (...) {
        error = std::current_exception();
      }
      const std::lock_guard lock(mu);
      done = true;
      changed.notify_one();
    });
    std::unique_lock lock(mu);
    while (!changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return done; })) {
      if (interrupted) continue;
      lock.unlock();
      {
        const WithGil acquired;
        interrupted = PyErr_CheckSignals() != 0;
      }
      if (interrupted) stop->request_stop();
      lock.lock();
    }
    lock.unlock();
    worker.join();
  }
  if (interrupted) throw nb::python_error();
  if (error) std::rethrow_exception(error);
}

std::function<void(int64_t done, int64_t total)> ProgressCall::Function() {
  if (callable_.is_none()) return {};
  return [this](int64_t done, int64_t total) {
    const WithGil acquired;
    if (error_) return;
    try {
      OrSleep([&] { callable_(done, total); });
    } catch (nb::python_error& error) {
      error_.emplace(std::move(error));
      stop_->request_stop();
    }
  };
}

void ProgressCall::Finish() {
  if (error_) throw nb::python_error(std::move(*error_));
}

}  // namespace bge::python
