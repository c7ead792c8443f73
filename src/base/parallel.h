// The threads of the library: one pool an engine, fork-join loops over it.
#ifndef BGE_BASE_PARALLEL_H_
#define BGE_BASE_PARALLEL_H_

#include "base/function_ref.h"

#include <atomic>
#include <cstdint>

namespace bge {

/// A fixed team of threads that run the chunks of a loop. Thread-safe: several threads may call
/// ParallelFor at once; each loop's caller works on its own loop too, so it always finishes. The
/// other threads start with the first loop (Error(kOutOfMemory) where they cannot), and anew in a
/// forked child.
class ThreadPool {
 public:
  /// `threads`: workers of a loop, the caller included; 1 means that everything runs on the caller.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }
  /// Threads that a loop begun by the calling thread now would run on: 1 inside a loop.
  int available_threads() const;

  /// Calls f(begin, end) for disjoint ranges that cover [0, n), each of at least `grain` items but
  /// the last. Ranges go to free threads in order. From inside another loop's f it runs on the
  /// calling thread alone. The first exception of any f is rethrown here, after all threads have
  /// stopped.
  void ParallelFor(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t)> f);

  /// Calls f(i) for every i of [0, n), one at a time to each free thread, in increasing order of i.
  void ParallelForEach(int64_t n, FunctionRef<void(int64_t)> f);

 private:
  class Impl;
  class Registry;
  const int threads_;
  std::atomic<Impl*> team_ = nullptr;  // owned; started by the first loop that needs it
};

}  // namespace bge

#endif  // BGE_BASE_PARALLEL_H_
