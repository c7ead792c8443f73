#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace bge {

int DefaultThreads() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  std::set<std::string> cores;  // the list of SMT siblings names a physical core
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                       "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = "cpu" + std::to_string(cpu);
    cores.insert(siblings);
  }
  return std::max(1, static_cast<int>(cores.size()));
}

namespace {

thread_local bool in_loop = false;  // this thread is running a chunk of some loop

// How long an idle thread looks for the next loop before it sleeps: waking it takes some 50 us, and
// the ops of one forward pass follow each other within that time.
constexpr int kSpins = 2000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

struct Loop {
  const std::function<void(int64_t, int64_t)>* f;
  int64_t n;
  int64_t chunk;
  std::atomic<int64_t> next = 0;  // first item that nobody has taken
  int helpers = 0;                // pool threads inside Run(); guarded by Impl::mu_
  std::atomic<bool> failed = false;
  std::exception_ptr error = nullptr;  // guarded by Impl::mu_

  bool HasWork() const { return next.load(std::memory_order_relaxed) < n; }
};

}  // namespace

class ThreadPool::Impl {
 public:
  explicit Impl(int helpers) {
    for (int i = 0; i < helpers; ++i) threads_.emplace_back([this] { Work(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mu_);
      stopping_ = true;
    }
    work_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  void Execute(Loop* loop) {
    {
      const std::lock_guard lock(mu_);
      loops_.push_back(loop);
      published_.fetch_add(1, std::memory_order_release);
    }
    work_.notify_all();
    Run(loop);
    // All items are taken; wait for the helpers that still compute theirs.
    std::unique_lock lock(mu_);
    std::erase(loops_, loop);
    for (int spin = 0; loop->helpers > 0 && spin < kSpins; ++spin) {
      lock.unlock();
      Pause();
      lock.lock();
    }
    done_.wait(lock, [&] { return loop->helpers == 0; });
    if (loop->error) std::rethrow_exception(loop->error);
  }

 private:
  void Run(Loop* loop) {
    in_loop = true;
    while (!loop->failed.load(std::memory_order_relaxed)) {
      const int64_t begin = loop->next.fetch_add(loop->chunk, std::memory_order_relaxed);
      if (begin >= loop->n) break;
      try {
        (*loop->f)(begin, std::min(begin + loop->chunk, loop->n));
      } catch (...) {
        const std::lock_guard lock(mu_);
        if (!loop->error) loop->error = std::current_exception();
        loop->failed.store(true, std::memory_order_relaxed);
      }
    }
    in_loop = false;
  }

  Loop* FindWork() {  // mu_ held
    for (Loop* loop : loops_) {
      if (loop->HasWork() && !loop->failed.load(std::memory_order_relaxed)) return loop;
    }
    return nullptr;
  }

  void Work() {
    std::unique_lock lock(mu_);
    while (!stopping_) {
      if (Loop* loop = FindWork()) {
        ++loop->helpers;
        lock.unlock();
        Run(loop);
        lock.lock();
        if (--loop->helpers == 0) done_.notify_all();
        continue;
      }
      const uint64_t seen = published_.load(std::memory_order_relaxed);
      lock.unlock();
      for (int spin = 0; spin < kSpins && published_.load(std::memory_order_acquire) == seen;
           ++spin)
        Pause();
      lock.lock();
      work_.wait(lock, [&] { return stopping_ || FindWork() != nullptr; });
    }
  }

  std::mutex mu_;
  std::condition_variable work_;  // a loop was published, or stopping_
  std::condition_variable done_;  // a loop lost its last helper
  std::vector<Loop*> loops_;      // guarded by mu_; each lives on its caller's stack
  std::atomic<uint64_t> published_ = 0;
  bool stopping_ = false;  // guarded by mu_
  std::vector<std::thread> threads_;
};

ThreadPool::ThreadPool(int threads) : threads_(std::max(1, threads)) {
  if (threads_ > 1) impl_ = std::make_unique<Impl>(threads_ - 1);
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::ParallelFor(int64_t n, int64_t grain,
                             const std::function<void(int64_t, int64_t)>& f) {
  if (n <= 0) return;
  const int64_t chunk =
      std::max<int64_t>(std::max<int64_t>(grain, 1), (n + threads_ - 1) / threads_);
  if (impl_ == nullptr || in_loop || chunk >= n) {
    f(0, n);
    return;
  }
  Loop loop{&f, n, chunk};
  impl_->Execute(&loop);
}

void ThreadPool::ParallelForEach(int64_t n, const std::function<void(int64_t)>& f) {
  if (n <= 0) return;
  if (impl_ == nullptr || in_loop || n == 1) {
    for (int64_t i = 0; i < n; ++i) f(i);
    return;
  }
  const std::function<void(int64_t, int64_t)> one = [&](int64_t begin, int64_t) { f(begin); };
  Loop loop{&one, n, 1};
  impl_->Execute(&loop);
}

}  // namespace bge
