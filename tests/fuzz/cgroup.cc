// The files in which Linux states a container's share of the CPUs.
#include "base/cpu_limits.h"
#include "tests/fuzz/test_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static bge::fuzz::FuzzedFolder folder;
  bge::fuzz::Pieces pieces(data, size);
  const auto& root =
      folder.Write({"proc/self/mountinfo", "proc/self/cgroup", "sys/fs/cgroup/cpu.max",
                    "sys/fs/cgroup/a/cpu.max", "sys/fs/cgroup/cpu/cpu.cfs_quota_us",
                    "sys/fs/cgroup/cpu/cpu.cfs_period_us"},
                   &pieces);
  // The number of threads, which is made of it, takes a look at all cores of this machine.
  if (size % 16 == 0) {
    if (bge::DefaultThreads(root) < 1) std::abort();
  } else {
    bge::CgroupCpuLimit(root);
  }
  return 0;
}
