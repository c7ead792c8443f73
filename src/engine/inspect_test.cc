// Embedder::Inspect and Reranker::Inspect: what loading says, without loading.
#include "bge/embedder.h"
#include "bge/identity.h"
#include "bge/reranker.h"

#include "tests/expect_error.h"
#include "tests/model_copy.h"
#include "tests/temp_dir.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace bge {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = BGE_TEST_DATA_DIR "/models";

template <typename Info>
void ExpectSameTransformer(const Info& found, const Info& expected) {
  EXPECT_EQ(found.name, expected.name);
  EXPECT_EQ(found.path, expected.path);
  EXPECT_EQ(found.architecture, expected.architecture);
  EXPECT_EQ(found.num_layers, expected.num_layers);
  EXPECT_EQ(found.hidden_size, expected.hidden_size);
  EXPECT_EQ(found.vocab_size, expected.vocab_size);
  EXPECT_EQ(found.num_parameters, expected.num_parameters);
  EXPECT_EQ(found.weights_dtype, expected.weights_dtype);
  EXPECT_EQ(found.compute_type, expected.compute_type);
  EXPECT_EQ(found.max_length, expected.max_length);
  EXPECT_EQ(found.max_length_source, expected.max_length_source);
  EXPECT_EQ(found.files, expected.files);
}

TEST(Inspect, SaysWhatLoadingSays) {
  int embedders = 0;
  int rerankers = 0;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    if (!entry.path().filename().string().starts_with("tiny-")) continue;
    const std::string model = entry.path().string();
    SCOPED_TRACE(model);
    if (IsReranker(model)) {
      ++rerankers;
      const RerankerInfo found = Reranker::Inspect(model);
      const RerankerInfo expected = Reranker::Load(model, {.threads = 1}).info();
      ExpectSameTransformer(found, expected);
      EXPECT_EQ(found.activation, expected.activation);
      EXPECT_EQ(found.pair_style, expected.pair_style);
      EXPECT_EQ(*FingerprintOf(found), *FingerprintOf(expected));
      continue;
    }
    ++embedders;
    const ModelInfo found = Embedder::Inspect(model);
    const ModelInfo expected = Embedder::Load(model, {.threads = 1}).info();
    ExpectSameTransformer(found, expected);
    EXPECT_EQ(found.dimension, expected.dimension);
    EXPECT_EQ(found.sparse_dimension, expected.sparse_dimension);
    EXPECT_EQ(found.colbert_dimension, expected.colbert_dimension);
    EXPECT_EQ(found.heads.sparse, expected.heads.sparse);
    EXPECT_EQ(found.poolings, expected.poolings);
    EXPECT_EQ(found.modules, expected.modules);
    EXPECT_EQ(found.prompts, expected.prompts);
    EXPECT_EQ(found.query_length, expected.query_length);
    EXPECT_EQ(IdentifyModel(found)->fingerprint, IdentifyModel(expected)->fingerprint);
    EXPECT_EQ(IdentifyModel(found)->space, IdentifyModel(expected)->space);
  }
  EXPECT_GE(embedders, 15);
  EXPECT_GE(rerankers, 4);
}

TEST(Inspect, FailsWhereLoadingFails) {
  const test::ModelCopy copy("tiny-bert");
  fs::resize_file(copy.path() / "model.safetensors", 1000);
  const std::string error = test::Thrown([&] { return Embedder::Inspect(copy.name()); });
  EXPECT_NE(error, "no error");
  EXPECT_EQ(error, test::Thrown([&] { return Embedder::Load(copy.name()); }));
}

TEST(Inspect, KeepsNoPackedWeights) {
  const std::string model = (kModels / "tiny-bert").string();
  const test::TempDir folder;
  const fs::path packed = folder.path() / "packed";
  Embedder::Inspect(model, {.packed_cache = packed.string()});
  EXPECT_FALSE(fs::exists(packed));
  Embedder::Load(model, {.packed_cache = packed.string()});
  EXPECT_TRUE(fs::exists(packed));
}

}  // namespace
}  // namespace bge
