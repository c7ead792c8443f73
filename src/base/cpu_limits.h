// How many CPUs this process may use: the machine's cores, its affinity mask, its control groups.
#ifndef BGE_BASE_CPU_LIMITS_H_
#define BGE_BASE_CPU_LIMITS_H_

#include <filesystem>
#include <optional>

namespace bge {

/// Threads that are worth starting: PhysicalCores(), or the CPU time of the control groups rounded
/// up to whole threads where that is less; at least 1. `root`: see CgroupCpuLimit.
int DefaultThreads(const std::filesystem::path& root = "/");

/// Physical cores that this process may run on (its affinity mask, which cpusets narrow, with SMT
/// siblings counted once); at least 1.
int PhysicalCores();

/// CPU time that control groups (v1, v2 or both) leave this process, in CPUs: the smallest quota of
/// its group and of the groups above it, as far as they can be seen from here. nullopt where there
/// is none. Files that are missing or make no sense are taken for no limit. `root`: where /proc and
/// /sys are, for tests.
std::optional<double> CgroupCpuLimit(const std::filesystem::path& root = "/");

}  // namespace bge

#endif  // BGE_BASE_CPU_LIMITS_H_
