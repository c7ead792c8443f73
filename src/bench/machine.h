// What the operating system says about the machine and this process.
#ifndef BGE_BENCH_MACHINE_H_
#define BGE_BENCH_MACHINE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bge {

struct Machine {
  std::string cpu;                            ///< as /proc/cpuinfo names it; else "unknown"
  std::vector<std::string> instruction_sets;  ///< those that fast kernels want: "avx2", "avx512f"
  std::string kernel_target;                  ///< the one our own kernels use: "AVX2", "AVX3"
  int cpus = 0;                               ///< logical ones that are online
};
Machine DescribeMachine();

/// The most memory of this process that was resident at once (VmHWM), mapped files included.
int64_t PeakResidentBytes();

/// Bytes of third-level cache of all CPUs together; 0 where it is not known.
int64_t TotalL3Bytes();

/// Bytes of memory that processes may still get without swapping; 0 where it is not known.
int64_t AvailableMemoryBytes();

/// Who else used the machine while something was measured.
struct MachineLoad {
  double average_before = 0;  ///< the load average of the last minute, at the beginning
  double average_after = 0;   ///< at the end: it counts our own threads too
  /// CPUs that other processes, or other guests of the host, kept busy on average; nullopt where
  /// /proc/stat does not tell.
  std::optional<double> other_cpus;
  /// Others took more than a twentieth of the machine (or, where that is not known, the load
  /// average was above 0.5 before we began): speeds are lower than they could be.
  bool loaded = false;
};

/// Watches the machine from its construction on.
class LoadWatch {
 public:
  LoadWatch();
  MachineLoad Stop() const;

 private:
  std::chrono::steady_clock::time_point start_;
  double average_;
  std::optional<double> busy_seconds_;  // of all CPUs
  double own_seconds_;
};

}  // namespace bge

#endif  // BGE_BENCH_MACHINE_H_
