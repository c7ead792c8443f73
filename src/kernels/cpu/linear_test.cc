// What linear layers of the cpu backend promise besides numbers: memory, threads, fork.
#include "kernels/backend.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <vector>

namespace bge {
namespace {

constexpr int64_t kN = 256;
constexpr int64_t kK = 128;
constexpr int64_t kM = 200;

int64_t ThreadsOfProcess() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

// Before any test ran.
const int64_t kThreadsAtStart = ThreadsOfProcess();

class CpuLinear : public testing::Test {
 protected:
  CpuLinear() : weight_(kN * kK, 0.5f), x_(kM * kK, 2.0f), y_(kM * kN) {}

  TensorView Weight(DType dtype = DType::kF32) const { return {weight_.data(), dtype, {kN, kK}}; }

  // Whether a product of kM rows is right.
  bool Multiplies(const PreparedLinear& prepared) {
    ThreadPool pool(1);
    Workspace workspace;
    CpuBackend().Linear({pool, workspace}, Matrix(x_.data(), kM, kK), prepared, {},
                        Matrix(y_.data(), kM, kN));
    for (const float v : y_) {
      if (v != static_cast<float>(kK)) return false;
    }
    return true;
  }

  std::vector<float> weight_;
  std::vector<float> x_;
  std::vector<float> y_;
};

TEST_F(CpuLinear, OwnsWhatItPacks) {
  const TensorView two[] = {Weight(), Weight()};
  EXPECT_EQ(CpuBackend().PrepareLinear(two, ComputeType::kFloat32)->owned_bytes(),
            2 * kN * kK * sizeof(float));
  const TensorView half[] = {Weight(DType::kF16)};
  EXPECT_EQ(CpuBackend().PrepareLinear(half, ComputeType::kFloat32)->owned_bytes(),
            kN * kK * sizeof(float));
  const TensorView one[] = {Weight()};
  if (CpuBackend().Supports(ComputeType::kBFloat16)) {
    EXPECT_EQ(CpuBackend().PrepareLinear(one, ComputeType::kBFloat16)->owned_bytes(), kN * kK * 2u);
  }
  if (CpuBackend().Supports(ComputeType::kInt8)) {  // a scale and an offset for each row
    EXPECT_EQ(CpuBackend().PrepareLinear(one, ComputeType::kInt8)->owned_bytes(),
              kN * kK + kN * 8u);
    const int32_t exact[] = {1, 0};  // with their number, one more byte for each row
    EXPECT_EQ(CpuBackend().PrepareLinear(one, ComputeType::kInt8, exact)->owned_bytes(),
              kN * kK + kN * 10u + 8u);
  }
}

TEST_F(CpuLinear, TakesUnalignedWeights) {
  std::vector<std::byte> bytes(weight_.size() * sizeof(float) + 1);
  std::memcpy(bytes.data() + 1, weight_.data(), weight_.size() * sizeof(float));
  const TensorView unaligned[] = {{bytes.data() + 1, DType::kF32, {kN, kK}}};
  EXPECT_TRUE(Multiplies(*CpuBackend().PrepareLinear(unaligned, ComputeType::kFloat32)));
}

TEST_F(CpuLinear, StartsNoThreads) {
  const TensorView parts[] = {Weight()};
  const auto prepared = CpuBackend().PrepareLinear(parts, ComputeType::kFloat32);
  EXPECT_TRUE(Multiplies(*prepared));
  EXPECT_EQ(ThreadsOfProcess(), kThreadsAtStart);
}

// A child has none of its parent's threads.
TEST_F(CpuLinear, WorksInAForkedChild) {
  const TensorView parts[] = {Weight()};
  const auto prepared = CpuBackend().PrepareLinear(parts, ComputeType::kFloat32);
  ASSERT_TRUE(Multiplies(*prepared));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(20);  // kills a child that hangs
    _exit(Multiplies(*prepared) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace bge
