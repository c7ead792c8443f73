#include "heads/token_vectors_head.h"

#include "tests/expect_error.h"
#include "tests/safetensors_builder.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace bge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TokenVectorsHeadTest : public testing::Test {
 protected:
  // Of two texts, of four tokens and of two.
  std::vector<MultiVector> Run(const TokenVectorsHead& head, Role role,
                               std::vector<int32_t> key_counts = {}, bool normalize = false,
                               int64_t dimension = 2) {
    Workspace workspace;
    std::vector<MultiVector> vectors(2);
    const TokenBatch batch = {
        .ids = ids_, .cu_seqlens = cu_seqlens_, .key_counts = key_counts, .role = role};
    head.Run({pool_, workspace}, batch, ConstMatrix(hidden_.data(), 6, 2), dimension, normalize,
             vectors);
    return vectors;
  }

  ThreadPool pool_{1};
  const std::vector<int32_t> ids_ = {1, 7, 5, 9, 5, 8};
  const std::vector<int32_t> cu_seqlens_ = {0, 4, 6};
  const std::vector<float> hidden_ = {3, 4, 1, 0, 0, 2, -5, 12, 6, 8, 0, 1};
};

TEST_F(TokenVectorsHeadTest, SkipsTokensOfDocuments) {
  const TokenVectorsHead head({}, {.skipped = {9, 5}}, 2, CpuBackend());
  const auto documents = Run(head, Role::kDocument);
  EXPECT_THAT(documents[0].values, ElementsAre(3, 4, 1, 0));
  EXPECT_THAT(documents[1].values, ElementsAre(0, 1));
  EXPECT_EQ(documents[0].dimension, 2);
  EXPECT_EQ(Run(head, Role::kNone)[1].values, documents[1].values);
  EXPECT_EQ(Run(head, Role::kQuery)[0].count(), 4);
}

TEST_F(TokenVectorsHeadTest, SkipsTokensOfQueriesWhereItShould) {
  const TokenVectorsHead head(
      {}, {.skipped = {5, 8}, .skips_in_queries = true, .skips_in_documents = false}, 2,
      CpuBackend());
  EXPECT_THAT(Run(head, Role::kQuery)[1].values, IsEmpty());
  EXPECT_EQ(Run(head, Role::kQuery)[1].dimension, 2);
  EXPECT_EQ(Run(head, Role::kDocument)[1].count(), 2);
}

TEST_F(TokenVectorsHeadTest, KeepsSomeTokensOfDocumentsAlone) {
  const TokenVectorsHead head({}, {.skipped = {5}, .kept = {8, 5, 1}}, 2, CpuBackend());
  EXPECT_THAT(Run(head, Role::kDocument)[0].values, ElementsAre(3, 4));
  EXPECT_EQ(Run(head, Role::kQuery)[0].count(), 4);
}

TEST_F(TokenVectorsHeadTest, TokensThatFillUpCountWhereAMaskSaysSo) {
  const TokenVectorsHead without({}, {}, 2, CpuBackend());
  EXPECT_EQ(Run(without, Role::kQuery, {3, 1})[0].count(), 3);
  EXPECT_EQ(Run(without, Role::kQuery, {3, 1})[1].count(), 1);
  const TokenVectorsHead with({}, {.expansion = true}, 2, CpuBackend());
  EXPECT_EQ(Run(with, Role::kQuery, {3, 1})[1].count(), 2);
}

TEST_F(TokenVectorsHeadTest, CutsBeforeItNormalises) {
  const TokenVectorsHead head(std::vector<TokenModule>{NormalizeModule{}}, {}, 2, CpuBackend());
  EXPECT_THAT(Run(head, Role::kQuery)[1].values, ElementsAre(6, 8, 0, 1));
  EXPECT_THAT(Run(head, Role::kQuery, {}, true)[1].values,
              ElementsAre(testing::FloatEq(0.6f), testing::FloatEq(0.8f), 0, 1));
  EXPECT_THAT(Run(head, Role::kQuery, {}, true, 1)[1].values, ElementsAre(1, 0));
  // Without normalising, the module itself stands before the cut, as in dense models.
  EXPECT_THAT(Run(head, Role::kQuery, {}, false, 1)[1].values,
              ElementsAre(testing::FloatEq(0.6f), 0));
  const TokenVectorsHead plain({}, {}, 2, CpuBackend());
  EXPECT_THAT(Run(plain, Role::kQuery, {}, false, 1)[1].values, ElementsAre(6, 0));
}

TEST_F(TokenVectorsHeadTest, ProjectionsFollowEachOther) {
  const test::TempDir dir;
  const auto write = [&](const char* folder, const std::vector<int64_t>& shape,
                         const std::vector<float>& values) {
    test::SafetensorsBuilder builder;
    builder.AddFloats("linear.weight", shape, values);
    dir.Write(std::filesystem::path(folder) / "model.safetensors", builder.File());
    return dir.path() / folder;
  };
  const DenseModule first = {.dir = write("1", {3, 2}, {1, 0, 0, 1, 1, 1}),
                             .in_features = 2,
                             .out_features = 3,
                             .bias = false,
                             .activation = Activation::kRelu};
  const DenseModule second = {.dir = write("2", {2, 3}, {0, 0, 1, 1, 0, 0}),
                              .in_features = 3,
                              .bias = false,
                              .activation = Activation::kIdentity};
  const TokenVectorsHead head(std::vector<TokenModule>{first, second}, {}, 2, CpuBackend());
  EXPECT_EQ(head.dimension(), 2);
  EXPECT_EQ(head.num_parameters(), 12);
  EXPECT_THAT(Run(head, Role::kNone)[0].values, ElementsAre(7, 3, 1, 1, 2, 0, 7, 0));

  EXPECT_THAT(
      test::Thrown([&] {
        return TokenVectorsHead(std::vector<TokenModule>{second}, {}, 2, CpuBackend()).dimension();
      }),
      HasSubstr("2/config.json: field in_features: found 3, expected 2"));
  write("1", {3, 4}, std::vector<float>(12));
  EXPECT_THAT(
      test::Thrown([&] {
        return TokenVectorsHead(std::vector<TokenModule>{first}, {}, 2, CpuBackend()).dimension();
      }),
      HasSubstr("linear.weight"));
}

}  // namespace
}  // namespace bge
