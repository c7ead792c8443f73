#include "bench/machine.h"

#include "kernels/backend.h"
#include "kernels/cpu/targets.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

namespace bge {

namespace {

// In the order of their age; arm64's behind x86's.
constexpr std::string_view kInstructionSets[] = {
    "avx",         "f16c",        "fma",         "avx2",     "avx_vnni", "avx512f", "avx512bw",
    "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8", "asimd",   "asimdhp",
    "asimddp",     "bf16",        "i8mm",        "sve",      "sve2"};
constexpr double kLoadedShare = 0.05;
constexpr double kLoadedAverage = 0.5;

// What stands after "<name>" and a colon in a file of /proc; nullopt where it is not there.
std::optional<std::string> FieldOf(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return std::nullopt;
}

int64_t KibibytesOf(const char* path, std::string_view name) {
  const auto field = FieldOf(path, name);
  return field ? std::strtoll(field->c_str(), nullptr, 10) * 1024 : 0;
}

int OnlineCpus() { return static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))); }

double LoadAverage() {
  double averages[1] = {0};
  return getloadavg(averages, 1) == 1 ? averages[0] : 0;
}

// Seconds that all CPUs were not idle since the start, time that the host took included.
std::optional<double> BusySeconds() {
  std::ifstream file("/proc/stat");
  std::string label;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  if (!(file >> label >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal) ||
      label != "cpu" || user + system == 0) {
    return std::nullopt;
  }
  return (user + nice + system + irq + softirq + steal) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double OwnSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Machine DescribeMachine() {
  Machine machine;
  machine.cpu = FieldOf("/proc/cpuinfo", "model name").value_or("unknown");
  const auto flags = FieldOf("/proc/cpuinfo", "flags");
  std::istringstream words(flags ? *flags : FieldOf("/proc/cpuinfo", "Features").value_or(""));
  std::set<std::string> known;
  for (std::string word; words >> word;) known.insert(word);
  for (const std::string_view name : kInstructionSets) {
    if (known.contains(std::string(name))) machine.instruction_sets.emplace_back(name);
  }
  CpuBackend();  // from now on $BGE_CPU_TARGET counts
  machine.kernel_target = cpu::CurrentTarget();
  machine.cpus = OnlineCpus();
  return machine;
}

int64_t PeakResidentBytes() { return KibibytesOf("/proc/self/status", "VmHWM"); }

int64_t AvailableMemoryBytes() { return KibibytesOf("/proc/meminfo", "MemAvailable"); }

int64_t TotalL3Bytes() {
  int64_t bytes = 0;
  std::set<std::string> counted;  // CPUs that share a cache name it
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  for (long cpu = 0; cpu < cpus; ++cpu) {
    const std::string cache =
        "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index3/";
    std::ifstream sharers_file(cache + "shared_cpu_list");
    std::ifstream size_file(cache + "size");
    std::string sharers;
    int64_t kibibytes = 0;
    if (!std::getline(sharers_file, sharers) || !(size_file >> kibibytes)) continue;
    if (counted.insert(sharers).second) bytes += kibibytes * 1024;
  }
  return bytes;
}

LoadWatch::LoadWatch()
    : start_(std::chrono::steady_clock::now()),
      average_(LoadAverage()),
      busy_seconds_(BusySeconds()),
      own_seconds_(OwnSeconds()) {}

MachineLoad LoadWatch::Stop() const {
  MachineLoad load = {.average_before = average_, .average_after = LoadAverage(), .other_cpus = {}};
  const std::optional<double> busy = BusySeconds();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (!busy || !busy_seconds_ || seconds <= 0) {
    load.loaded = average_ > kLoadedAverage;
    return load;
  }
  // The kernel counts in ticks, and later than it counts ours: a little below zero is nobody.
  const double others = (*busy - *busy_seconds_) - (OwnSeconds() - own_seconds_);
  load.other_cpus = std::max(0.0, others / seconds);
  load.loaded = *load.other_cpus > kLoadedShare * OnlineCpus();
  return load;
}

}  // namespace bge
