// Scratch memory that the calls and threads of an Embedder share.
#ifndef BGE_ENGINE_WORKSPACE_POOL_H_
#define BGE_ENGINE_WORKSPACE_POOL_H_

#include "tensor/workspace.h"

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace bge {

/// Workspaces that calls and threads borrow, so that memory is as large as what runs at once needs.
/// Thread-safe; must outlive its leases.
class WorkspacePool {
 public:
  /// A workspace from construction to destruction; one that grew unusually large is freed then.
  class Lease {
   public:
    explicit Lease(WorkspacePool* pool) : pool_(pool) {
      const std::lock_guard lock(pool_->mu_);
      ++pool_->leases_;
      pool_->free_.reserve(pool_->free_.size() + pool_->leases_);  // giving back never allocates
      if (pool_->free_.empty()) return;
      workspace_ = std::move(pool_->free_.back());
      pool_->free_.pop_back();
    }
    ~Lease() {
      workspace_.Reset();
      const std::lock_guard lock(pool_->mu_);
      --pool_->leases_;
      if (workspace_.capacity_bytes() <= kMaxKeptBytes) {
        pool_->free_.push_back(std::move(workspace_));
      }
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Workspace& operator*() { return workspace_; }

   private:
    WorkspacePool* pool_;
    Workspace workspace_;
  };

 private:
  // A batch of the usual size takes a quarter of this with the largest BERT.
  static constexpr size_t kMaxKeptBytes = 64 << 20;

  std::mutex mu_;
  std::vector<Workspace> free_;  // guarded by mu_
  size_t leases_ = 0;            // guarded by mu_
};

}  // namespace bge

#endif  // BGE_ENGINE_WORKSPACE_POOL_H_
