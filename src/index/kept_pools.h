// Pools of threads between calls that ask for different numbers of them.
#ifndef BGE_INDEX_KEPT_POOLS_H_
#define BGE_INDEX_KEPT_POOLS_H_

#include "base/parallel.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <utility>

namespace bge::index {

/// The pools of the last calls, for the next ones and for others at the same time. Thread-safe.
class KeptPools {
 public:
  std::shared_ptr<ThreadPool> Get(int threads) {
    std::shared_ptr<ThreadPool> dropped;  // after the lock: its threads are joined
    // Never waits: another thread has the lock for a moment only, but in a child that is forked in
    // that moment for ever.
    const std::unique_lock lock(mu_, std::try_to_lock);
    if (!lock) return std::make_shared<ThreadPool>(threads);
    auto at = std::find_if(pools_.begin(), pools_.end(), [&](const auto& pool) {
      return pool != nullptr && pool->threads() == threads;
    });
    if (at == pools_.end()) {
      auto pool = std::make_shared<ThreadPool>(threads);
      dropped = std::exchange(*--at, std::move(pool));
    }
    std::rotate(pools_.begin(), at, at + 1);
    return pools_.front();
  }

 private:
  std::mutex mu_;
  std::array<std::shared_ptr<ThreadPool>, 4> pools_;  // the last used first; guarded by mu_
};

}  // namespace bge::index

#endif  // BGE_INDEX_KEPT_POOLS_H_
