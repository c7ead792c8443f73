#include "base/cpu_limits.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

namespace {

// What /proc/self/cgroup puts behind the name of a group that was removed.
constexpr std::string_view kDeleted = " (deleted)";

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool Contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The whole text as a number above 0. Quotas say "max" (v2) or -1 (v1) for no limit.
std::optional<int64_t> ParsePositive(std::string_view text) {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value <= 0) return std::nullopt;
  return value;
}

// `path` of the process's file system, found below `root`.
std::filesystem::path Below(const std::filesystem::path& root, const std::string& path) {
  return root / std::filesystem::path(path).relative_path();
}

std::string FirstLine(const std::filesystem::path& path) {
  std::string line;
  std::getline(std::ifstream(path), line);
  return line;
}

// /proc/self/mountinfo writes space, tab, newline and backslash as three octal digits.
std::string Unescape(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && digit(text[i + 1]) && digit(text[i + 2]) &&
        digit(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

enum class Version { kV1, kV2 };

// Where a part of the hierarchy that limits CPU time can be seen.
struct Mount {
  Version version;
  std::string group;  // the group whose folder is mounted, "/" for the whole hierarchy
  std::string point;  // the folder that it is mounted on
};

// man 5 proc_pid_mountinfo: "id parent major:minor root point options optional... - type source
// super-options"
std::vector<Mount> CpuMounts(const std::filesystem::path& root) {
  std::vector<Mount> mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> fields = Split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() < 6 || fields.end() - dash < 4) continue;
    const std::string& type = dash[1];
    if (type == "cgroup2") {
      mounts.push_back({Version::kV2, Unescape(fields[3]), Unescape(fields[4])});
    } else if (type == "cgroup" && Contains(Split(dash[3], ','), "cpu")) {
      mounts.push_back({Version::kV1, Unescape(fields[3]), Unescape(fields[4])});
    }
  }
  return mounts;
}

// man 7 cgroups: lines of /proc/self/cgroup are "hierarchy:controllers:group"; that of v2 is
// "0::group".
std::optional<std::string> GroupOfThisProcess(const std::filesystem::path& root, Version version) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool matches = version == Version::kV2 ? line.substr(0, second) == "0:"
                                                 : Contains(Split(controllers, ','), "cpu");
    if (!matches) continue;
    std::string group = line.substr(second + 1);
    if (group.ends_with(kDeleted)) group.resize(group.size() - kDeleted.size());
    return group;
  }
  return std::nullopt;
}

// The path from a mounted group down to `group`: "" for itself, else "/...". nullopt where it lies
// elsewhere, as it does for a process that was moved into a container from outside.
std::optional<std::string> PathWithin(std::string_view mounted, std::string_view group) {
  while (mounted.ends_with('/')) mounted.remove_suffix(1);
  while (group.ends_with('/')) group.remove_suffix(1);
  if (!group.starts_with(mounted)) return std::nullopt;
  group.remove_prefix(mounted.size());
  if (!group.empty() && group.front() != '/') return std::nullopt;
  if (Contains(Split(group, '/'), "..")) return std::nullopt;
  return std::string(group);
}

std::optional<double> QuotaOf(const std::filesystem::path& folder, Version version) {
  std::vector<std::string> words;  // quota and period, both in microseconds
  if (version == Version::kV2) {
    words = Split(FirstLine(folder / "cpu.max"), ' ');
  } else {
    words = {FirstLine(folder / "cpu.cfs_quota_us"), FirstLine(folder / "cpu.cfs_period_us")};
  }
  if (words.size() != 2) return std::nullopt;
  const auto quota = ParsePositive(words[0]);
  const auto period = ParsePositive(words[1]);
  if (!quota || !period) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

}  // namespace

std::optional<double> CgroupCpuLimit(const std::filesystem::path& root) {
  std::optional<double> limit;
  for (const Mount& mount : CpuMounts(root)) {
    const auto group = GroupOfThisProcess(root, mount.version);
    auto path = group ? PathWithin(mount.group, *group) : std::nullopt;
    if (!path) continue;
    // A group's quota holds for all below it: from the process's own up to the mounted one.
    for (;;) {
      const auto quota = QuotaOf(Below(root, mount.point + *path), mount.version);
      if (quota && (!limit || *quota < *limit)) limit = quota;
      if (path->empty()) break;
      path->resize(path->rfind('/'));
    }
  }
  return limit;
}

int PhysicalCores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  std::set<std::string> cores;  // the list of SMT siblings names a physical core
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    std::string siblings = FirstLine("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                                     "/topology/thread_siblings_list");
    if (siblings.empty()) siblings = "cpu" + std::to_string(cpu);
    cores.insert(siblings);
  }
  return std::max(1, static_cast<int>(cores.size()));
}

int DefaultThreads(const std::filesystem::path& root) {
  const int cores = PhysicalCores();
  const std::optional<double> limit = CgroupCpuLimit(root);
  if (!limit || *limit >= cores) return cores;
  return std::max(1, static_cast<int>(std::ceil(*limit)));
}

}  // namespace bge
