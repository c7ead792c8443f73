// A thread waits for the signals (signalfd), so that nothing has to run in a signal handler.
#include "apps/interrupt.h"

#include "base/unfinished.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>

namespace bge::cli {
namespace {

bool IsIgnored(int signal_number) {
  struct sigaction action = {};
  return sigaction(signal_number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void MakeReadable(int fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof one);
}

}  // namespace

Interrupt::Interrupt() {
  sigemptyset(&blocked_);
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    if (!IsIgnored(signal_number)) sigaddset(&blocked_, signal_number);
  }
  pthread_sigmask(SIG_BLOCK, &blocked_, &previous_);
  signal_fd_ = signalfd(-1, &blocked_, SFD_CLOEXEC);
  stopped_fd_ = eventfd(0, EFD_CLOEXEC);
  quit_fd_ = eventfd(0, EFD_CLOEXEC);
  if (signal_fd_ < 0 || stopped_fd_ < 0 || quit_fd_ < 0) {
    // No descriptors: the default action of the signals is better than none.
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
    return;
  }
  watcher_ = std::thread([this] { Watch(); });
}

Interrupt::~Interrupt() {
  if (watcher_.joinable()) {
    MakeReadable(quit_fd_);
    watcher_.join();
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }
  for (const int fd : {signal_fd_, stopped_fd_, quit_fd_}) {
    if (fd >= 0) close(fd);
  }
}

void Interrupt::Watch() {
  for (;;) {
    pollfd waits[2] = {{signal_fd_, POLLIN, 0}, {quit_fd_, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents != 0) return;
    if (waits[0].revents == 0) continue;
    signalfd_siginfo info = {};
    if (read(signal_fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    const int number = static_cast<int>(info.ssi_signo);
    int none = 0;
    if (signal_number_.compare_exchange_strong(none, number)) {
      source_.request_stop();
      MakeReadable(stopped_fd_);
    } else {
      RemoveUnfinishedFiles();
      _exit(128 + number);
    }
  }
}

}  // namespace bge::cli
