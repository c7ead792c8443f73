#include "base/parallel.h"

#include "base/error.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace bge {

namespace {

thread_local bool in_loop = false;  // this thread is running a chunk of some loop

// How long a thread looks for what it waits for before it sleeps: waking it takes 50 us, in a
// virtual machine on a busy host several times that. A helper waits for the next loop. The ops of
// one forward pass follow each other within 40 us, one short text after another, from Python,
// within 100.
constexpr std::chrono::microseconds kHelperSpinTime(150);
// A caller waits for its helpers' last chunks. Where threads outnumber CPUs, a helper may need this
// one.
constexpr std::chrono::microseconds kCallerSpinTime(40);

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// Waits for `done()` without sleeping, for `time` at most.
template <typename Done>
void SpinUntil(const Done& done, std::chrono::microseconds time) {
  constexpr int kPausesPerLook = 32;
  const auto give_up = std::chrono::steady_clock::now() + time;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (done()) return;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < give_up);
}

struct Loop {
  FunctionRef<void(int64_t, int64_t)> f;
  int64_t n;
  int64_t chunk;
  std::atomic<int64_t> next = 0;  // first item that nobody has taken
  std::atomic<int> helpers = 0;   // pool threads inside Run(); rises under Impl::mu_ only
  std::atomic<bool> failed = false;
  std::exception_ptr error = nullptr;  // guarded by Impl::mu_

  bool HasWork() const {
    return next.load(std::memory_order_relaxed) < n && !failed.load(std::memory_order_relaxed);
  }
};

}  // namespace

// The threads of a pool, in the process that started them.
class ThreadPool::Impl {
 public:
  explicit Impl(int helpers) {
    try {
      for (int i = 0; i < helpers; ++i) threads_.emplace_back([this] { Work(); });
    } catch (const std::system_error& error) {
      const std::string found = std::to_string(threads_.size()) + " of " + std::to_string(helpers);
      Stop();
      Fail(ErrorCode::kOutOfMemory, "cannot start threads", found + " started: " + error.what(),
           "ask for fewer threads, or raise the limits on memory and processes");
    }
  }

  ~Impl() { Stop(); }

  void Execute(Loop* loop) {
    {
      const std::lock_guard lock(mu_);
      loops_.push_back(loop);
      published_.fetch_add(1, std::memory_order_release);
    }
    work_.notify_all();
    Run(loop);
    {
      const std::lock_guard lock(mu_);
      std::erase(loops_, loop);  // all items are taken: no helper may come any more
    }
    const auto finished = [&] { return loop->helpers.load(std::memory_order_acquire) == 0; };
    SpinUntil(finished, kCallerSpinTime);
    if (!finished()) {
      std::unique_lock lock(mu_);
      done_.wait(lock, finished);
    }
    if (loop->error) std::rethrow_exception(loop->error);
  }

 private:
  void Stop() {
    {
      const std::lock_guard lock(mu_);
      stopping_ = true;
      published_.fetch_add(1, std::memory_order_release);
    }
    work_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  void Run(Loop* loop) {
    in_loop = true;
    while (!loop->failed.load(std::memory_order_relaxed)) {
      const int64_t begin = loop->next.fetch_add(loop->chunk, std::memory_order_relaxed);
      if (begin >= loop->n) break;
      try {
        loop->f(begin, std::min(begin + loop->chunk, loop->n));
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
      if (loop->HasWork()) return loop;
    }
    return nullptr;
  }

  void Work() {
    std::unique_lock lock(mu_);
    while (!stopping_) {
      if (Loop* loop = FindWork()) {
        loop->helpers.fetch_add(1, std::memory_order_relaxed);
        lock.unlock();
        Run(loop);
        lock.lock();
        // The last touch of the loop, which is its caller's: with it the caller may return.
        if (loop->helpers.fetch_sub(1, std::memory_order_release) == 1) done_.notify_all();
        continue;
      }
      const uint64_t seen = published_.load(std::memory_order_relaxed);
      const auto news = [&] { return published_.load(std::memory_order_acquire) != seen; };
      lock.unlock();
      SpinUntil(news, kHelperSpinTime);
      lock.lock();
      if (!news()) work_.wait(lock);  // whatever woke it: look again, and spin again
    }
  }

  std::mutex mu_;
  std::condition_variable work_;         // published_ changed
  std::condition_variable done_;         // a loop lost its last helper
  std::vector<Loop*> loops_;             // guarded by mu_; each lives on its caller's stack
  std::atomic<uint64_t> published_ = 0;  // changes under mu_, with every loop
  bool stopping_ = false;                // guarded by mu_
  std::vector<std::thread> threads_;
};

// The pools of this process. A forked child has none of their threads: it abandons the teams, whose
// locks may be held by threads that do not exist there, and starts new ones when it needs them.
class ThreadPool::Registry {
 public:
  static Registry& Get() {
    static Registry* registry = [] {
      auto* made = new Registry();  // never destroyed: pools may outlive every other static
      ::pthread_atfork([] { Get().mu_.lock(); }, [] { Get().mu_.unlock(); },
                       [] {
                         for (ThreadPool* pool : Get().pools_) pool->team_.store(nullptr);
                         in_loop = false;
                         Get().mu_.unlock();
                       });
      return made;
    }();
    return *registry;
  }

  void Add(ThreadPool* pool) {
    const std::lock_guard lock(mu_);
    pools_.insert(pool);
  }
  Impl* Remove(ThreadPool* pool) {
    const std::lock_guard lock(mu_);
    pools_.erase(pool);
    return pool->team_.exchange(nullptr);
  }
  Impl& Team(ThreadPool* pool) {
    if (Impl* team = pool->team_.load(std::memory_order_acquire)) return *team;
    const std::lock_guard lock(mu_);
    if (pool->team_.load(std::memory_order_relaxed) == nullptr) {
      pool->team_.store(new Impl(pool->threads_ - 1), std::memory_order_release);
    }
    return *pool->team_.load(std::memory_order_relaxed);
  }

 private:
  static Registry& made_early_;

  std::mutex mu_;
  std::set<ThreadPool*> pools_;  // guarded by mu_
};

// Made when the library is loaded: a child that is forked while another thread makes it would wait
// for that thread for ever.
ThreadPool::Registry& ThreadPool::Registry::made_early_ = ThreadPool::Registry::Get();

ThreadPool::ThreadPool(int threads) : threads_(std::max(1, threads)) { Registry::Get().Add(this); }

ThreadPool::~ThreadPool() { delete Registry::Get().Remove(this); }

int ThreadPool::available_threads() const { return in_loop ? 1 : threads_; }

void ThreadPool::ParallelFor(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t)> f) {
  if (n <= 0) return;
  const int64_t chunk =
      std::max<int64_t>(std::max<int64_t>(grain, 1), (n + threads_ - 1) / threads_);
  if (threads_ == 1 || in_loop || chunk >= n) {
    f(0, n);
    return;
  }
  Loop loop{f, n, chunk};
  Registry::Get().Team(this).Execute(&loop);
}

void ThreadPool::ParallelForEach(int64_t n, FunctionRef<void(int64_t)> f) {
  if (n <= 0) return;
  if (threads_ == 1 || in_loop || n == 1) {
    for (int64_t i = 0; i < n; ++i) f(i);
    return;
  }
  const auto one = [&](int64_t begin, int64_t) { f(begin); };
  Loop loop{one, n, 1};
  Registry::Get().Team(this).Execute(&loop);
}

}  // namespace bge
