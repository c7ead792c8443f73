// One place through which a thread hands things to another.
#ifndef BGE_APPS_HAND_OVER_H_
#define BGE_APPS_HAND_OVER_H_

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

namespace bge::cli {

/// Holds one thing at most: who makes them waits until the last was taken, who takes them waits for
/// the next. One maker and one taker; any thread may abandon it.
template <typename T>
class HandOver {
 public:
  /// Waits until the place is free. False when nobody wants more: `thing` is then dropped.
  bool Put(T thing) {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return !thing_ || abandoned_; });
    if (abandoned_) return false;
    thing_ = std::move(thing);
    lock.unlock();
    changed_.notify_all();
    return true;
  }

  /// Nothing more comes: because there is nothing more, or (where it is not null) of `error`.
  void Finish(std::exception_ptr error) {
    {
      const std::lock_guard lock(mu_);
      finished_ = true;
      error_ = std::move(error);
    }
    changed_.notify_all();
  }

  /// The next thing; nullopt when all were taken, or after Abandon(). Rethrows the error, if any,
  /// after the last thing.
  std::optional<T> Take() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return thing_ || finished_ || abandoned_; });
    if (abandoned_) return std::nullopt;
    if (thing_) {
      std::optional<T> taken = std::exchange(thing_, std::nullopt);
      lock.unlock();
      changed_.notify_all();
      return taken;
    }
    if (error_) std::rethrow_exception(error_);
    return std::nullopt;
  }

  /// Nobody wants more: ends all waits, here and later.
  void Abandon() {
    {
      const std::lock_guard lock(mu_);
      abandoned_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::optional<T> thing_;    // guarded by mu_
  bool finished_ = false;     // guarded by mu_
  bool abandoned_ = false;    // guarded by mu_
  std::exception_ptr error_;  // guarded by mu_
};

}  // namespace bge::cli

#endif  // BGE_APPS_HAND_OVER_H_
