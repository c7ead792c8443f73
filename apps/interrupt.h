// Ctrl-C, SIGTERM, SIGHUP and SIGQUIT as a std::stop_token.
#ifndef BGE_APPS_INTERRUPT_H_
#define BGE_APPS_INTERRUPT_H_

#include <signal.h>

#include <atomic>
#include <stop_token>
#include <thread>

namespace bge::cli {

/// While it lives, the first SIGINT, SIGTERM, SIGHUP or SIGQUIT requests a stop, and the second
/// removes unfinished files and ends the process at once. A signal that the process was started
/// with as ignored (as a shell does for background jobs) stays ignored. One at a time, created
/// before other threads, which inherit the blocked signals.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  /// Readable from the first signal on; for poll(). -1 where descriptors ran out.
  int fd() const { return stopped_fd_; }
  /// The first signal; 0: none yet.
  int signal_number() const { return signal_number_; }

 private:
  void Watch();

  std::stop_source source_;
  std::atomic<int> signal_number_{0};
  sigset_t blocked_;
  sigset_t previous_;
  int signal_fd_ = -1;
  int stopped_fd_ = -1;
  int quit_fd_ = -1;
  std::thread watcher_;
};

}  // namespace bge::cli

#endif  // BGE_APPS_INTERRUPT_H_
