#include "base/cpu_limits.h"

#include "tests/temp_dir.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bge {
namespace {

// The lines that Linux shows where these hierarchies are mounted, other lines around them.
constexpr std::string_view kUnified =
    "24 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr std::string_view kV1 =
    "25 20 0:22 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n"
    "33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:15 - cgroup cgroup rw,cpu,cpuacct\n"
    "34 25 0:30 / /sys/fs/cgroup/cpuset rw,relatime shared:16 - cgroup cgroup rw,cpuset\n";

// A recorded /proc and /sys.
class CgroupTree : public testing::Test {
 protected:
  void Proc(std::string_view cgroup, std::string_view mountinfo) const {
    dir_.Write("proc/self/cgroup", cgroup);
    dir_.Write("proc/self/mountinfo", mountinfo);
  }
  void CpuMax(const std::string& folder, std::string_view content) const {
    dir_.Write("sys/fs/cgroup" + folder + "/cpu.max", content);
  }
  // `folder` is below the mount of cpu and cpuacct.
  void Quota(const std::string& folder, std::string_view quota, std::string_view period) const {
    const std::string path = "sys/fs/cgroup/cpu,cpuacct" + folder;
    dir_.Write(path + "/cpu.cfs_quota_us", quota);
    dir_.Write(path + "/cpu.cfs_period_us", period);
  }
  std::optional<double> Limit() const { return CgroupCpuLimit(dir_.path()); }

  const test::TempDir dir_;
};

TEST_F(CgroupTree, UnifiedHostWithALimitOnAService) {
  Proc("0::/system.slice/embed.service\n", kUnified);
  CpuMax("/system.slice/embed.service", "250000 100000\n");
  CpuMax("/system.slice", "max 100000\n");  // the root group has no cpu.max
  EXPECT_EQ(Limit(), 2.5);
}

TEST_F(CgroupTree, TheSmallestLimitOfTheGroupsAboveHolds) {
  Proc("0::/batch.slice/job-7.scope/worker\n", kUnified);
  CpuMax("/batch.slice", "800000 100000\n");
  CpuMax("/batch.slice/job-7.scope", "75000 50000\n");
  CpuMax("/batch.slice/job-7.scope/worker", "300000 100000\n");
  CpuMax("/batch.slice/job-8.scope", "1000 100000\n");  // not above us
  EXPECT_EQ(Limit(), 1.5);
}

TEST_F(CgroupTree, MaxIsNoLimit) {
  Proc("0::/user.slice\n", kUnified);
  CpuMax("/user.slice", "max 100000\n");
  EXPECT_EQ(Limit(), std::nullopt);
}

TEST_F(CgroupTree, DockerWithANamespaceOfItsOwn) {
  // The container's group is the root of all that it sees.
  Proc("0::/\n",
       "630 621 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n");
  CpuMax("", "400000 100000\n");
  EXPECT_EQ(Limit(), 4);
}

TEST_F(CgroupTree, DockerWithTheHostsNamespace) {
  // The path is the host's; only the container's own folder is mounted.
  Proc("0::/system.slice/docker-3f1c.scope\n",
       "630 621 0:26 /system.slice/docker-3f1c.scope /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  CpuMax("", "200000 100000\n");
  EXPECT_EQ(Limit(), 2);
}

TEST_F(CgroupTree, V1HostWithALimitAboveTheGroup) {
  Proc("12:cpuset:/\n5:cpu,cpuacct:/user.slice/session\n1:name=systemd:/x\n", kV1);
  Quota("", "-1\n", "100000\n");
  Quota("/user.slice", "150000\n", "100000\n");
  Quota("/user.slice/session", "-1\n", "100000\n");
  EXPECT_EQ(Limit(), 1.5);
}

TEST_F(CgroupTree, KubernetesOnV1) {
  const std::string group = "/kubepods/burstable/pod4d2a/7be1";
  Proc("6:cpuacct,cpu:" + group + "\n3:memory:" + group + "\n",
       "812 811 0:29 " + group +
           " /sys/fs/cgroup/cpu,cpuacct ro,relatime master:15 - cgroup cgroup rw,cpu,cpuacct\n");
  Quota("", "50000\n", "100000\n");
  EXPECT_EQ(Limit(), 0.5);
}

TEST_F(CgroupTree, KubernetesOnV2ShowsThePodsLimitToAPrivilegedContainer) {
  const std::string pod = "/kubepods.slice/kubepods-pod4d2a.slice";
  Proc("0::" + pod + "/cri-containerd-7be1.scope\n", kUnified);
  CpuMax(pod, "300000 100000\n");
  CpuMax(pod + "/cri-containerd-7be1.scope", "max 100000\n");
  EXPECT_EQ(Limit(), 3);
}

TEST_F(CgroupTree, HybridTakesTheControllerWhereItIs) {
  const std::string unified =
      "42 25 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
  Proc("5:cpu,cpuacct:/job\n0::/job\n", std::string(kV1) + unified);
  Quota("/job", "600000\n", "100000\n");
  EXPECT_EQ(Limit(), 6);
  CpuMax("/unified/job", "500000 100000\n");
  EXPECT_EQ(Limit(), 5);
}

TEST_F(CgroupTree, MountPointsMayHaveSpacesAndGroupsColons) {
  Proc("0::/a:b c\n", "29 23 0:26 / /my\\040groups\\134x rw - cgroup2 cgroup2 rw\n");
  dir_.Write("my groups\\x/a:b c/cpu.max", "100000 100000\n");
  EXPECT_EQ(Limit(), 1);
}

TEST_F(CgroupTree, AGroupOutsideOfWhatIsMountedHasNoLimitThatWeSee) {
  // Another group's folder, one whose name only begins alike, and a way out of the mount.
  CpuMax("", "100000 100000\n");
  const std::string mount = "29 23 0:26 /job /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  for (const char* const group : {"/other", "/job2", "/job/../..", "/../job", "job", ""}) {
    Proc("0::" + std::string(group) + "\n", mount);
    EXPECT_EQ(Limit(), std::nullopt) << group;
  }
  Proc("0::/job\n", mount);
  EXPECT_EQ(Limit(), 1);
}

TEST_F(CgroupTree, AGroupThatIsGoneLeavesThoseAboveIt) {
  Proc("0::/job/step (deleted)\n", kUnified);
  CpuMax("/job", "100000 50000\n");
  EXPECT_EQ(Limit(), 2);
}

TEST_F(CgroupTree, GarbageIsNoLimit) {
  Proc("0::/job\n", kUnified);
  for (const char* const content :
       {"", "\n", "100000", "100000 ", "0 100000", "100000 0", "-5 100000", "1e5 100000",
        "100000 100000 1", "99999999999999999999 100000", "max", "\xff\xfe 1", "0x10 100000"}) {
    CpuMax("/job", content);
    EXPECT_EQ(Limit(), std::nullopt) << content;
  }
  CpuMax("/job", "100000 100000");
  EXPECT_EQ(Limit(), 1);
  for (const char* const line : {"", "-", " - ", "- cgroup2", "1 2 3 4 5 6 -", "1 2 3 4 5 6 - x",
                                 "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2"}) {
    Proc("0::/job\n", line);
    EXPECT_EQ(Limit(), std::nullopt) << line;
  }
  for (const char* const line : {"", ":", "::", "0:", "0::", "1:cpu", "0:cpu:/job"}) {
    Proc(line, kUnified);
    EXPECT_EQ(Limit(), std::nullopt) << line;
  }
}

TEST_F(CgroupTree, MissingFilesAreNoLimit) {
  EXPECT_EQ(Limit(), std::nullopt);
  dir_.Write("proc/self/mountinfo", kUnified);
  EXPECT_EQ(Limit(), std::nullopt);
  dir_.Write("proc/self/cgroup", "0::/job\n");
  EXPECT_EQ(Limit(), std::nullopt);
  std::filesystem::create_directories(dir_.path() / "sys/fs/cgroup/job/cpu.max");
  EXPECT_EQ(Limit(), std::nullopt);
}

TEST_F(CgroupTree, DefaultThreadsRoundsUpToAtMostTheCores) {
  Proc("0::/job\n", kUnified);
  constexpr std::pair<const char*, int> kCases[] = {{"1000 100000\n", 1},
                                                    {"100000 100000\n", 1},
                                                    {"100001 100000\n", 2},
                                                    {"9000000 1000\n", 9000}};
  for (const auto& [content, cpus] : kCases) {
    CpuMax("/job", content);
    EXPECT_EQ(DefaultThreads(dir_.path()), std::min(cpus, PhysicalCores())) << content;
  }
}

TEST(CpuLimits, CoresArePositiveAndWithinTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_GE(PhysicalCores(), 1);
  EXPECT_LE(PhysicalCores(), CPU_COUNT(&before));
  EXPECT_GE(DefaultThreads(), 1);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(PhysicalCores(), 1);
  ::sched_setaffinity(0, sizeof before, &before);
}

}  // namespace
}  // namespace bge
