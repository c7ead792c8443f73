#include "heads/dense_head.h"

#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace bge {
namespace {

class DenseHeadTest : public testing::Test {
 protected:
  std::vector<float> Pooled(const DenseHead& head, const std::vector<PoolRange>& ranges) {
    Workspace workspace;
    std::vector<float> out(ranges.size() * static_cast<size_t>(head.dimension()), -1);
    head.Run({pool_, workspace}, ConstMatrix(hidden_.data(), 4, 2), ranges,
             Matrix(out.data(), static_cast<int64_t>(ranges.size()), head.dimension()));
    return out;
  }

  ThreadPool pool_{1};
  std::vector<float> hidden_ = {1, 2, 3, 4, 5, 6, -7, 8};  // two tokens, two tokens
  std::vector<PoolRange> ranges_ = {{0, 0, 2}, {2, 2, 4}};
};

TEST_F(DenseHeadTest, ConcatenatesPoolingsInOrder) {
  const std::vector<ModuleSpec> modules = {
      PoolingModule{.modes = {Pooling::kCls, Pooling::kMax, Pooling::kMean}, .source = ""}};
  const DenseHead head(modules, 2, CpuBackend());
  EXPECT_EQ(head.dimension(), 6);
  EXPECT_THAT(Pooled(head, ranges_), testing::ElementsAre(1, 2, 3, 4, 2, 3, 5, 6, 5, 8, -1, 7));
}

TEST_F(DenseHeadTest, LeavesOutThePromptsTokens) {
  const std::vector<ModuleSpec> modules = {
      PoolingModule{.modes = {Pooling::kMean}, .include_prompt = false, .source = ""}};
  const DenseHead head(modules, 2, CpuBackend());
  EXPECT_FALSE(head.include_prompt());
  EXPECT_THAT(Pooled(head, {{0, 1, 2}, {2, 2, 4}}), testing::ElementsAre(3, 4, -1, 7));
}

TEST_F(DenseHeadTest, LeavesTheFinalNormalizeToTheCaller) {
  const std::vector<ModuleSpec> modules = {PoolingModule{.modes = {Pooling::kCls}, .source = ""},
                                           NormalizeModule{}, DropoutModule{}, NormalizeModule{}};
  const DenseHead head(modules, 2, CpuBackend());
  EXPECT_THAT(Pooled(head, ranges_), testing::ElementsAre(1, 2, 5, 6));
}

TEST_F(DenseHeadTest, RefusesModulesThatDoNotFit) {
  const std::vector<ModuleSpec> modules = {
      PoolingModule{.modes = {Pooling::kCls}, .source = ""},
      DenseModule{.dir = "2_Dense", .in_features = 3, .out_features = 2}};
  try {
    const DenseHead head(modules, 2, CpuBackend());
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(),
                testing::HasSubstr("2_Dense/config.json: field in_features: found 3, expected 2"));
  }
}

}  // namespace
}  // namespace bge
