#include "bge/error.h"
#include "bge/identity.h"

#include "tests/temp_dir.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace bge {
namespace {

namespace fs = std::filesystem;

const fs::path kModel = BGE_TEST_DATA_DIR "/models/tiny-bert";

class ModelIdentityTest : public testing::Test {
 protected:
  ModelIdentityTest() { fs::copy(kModel, dir_.path() / "m", fs::copy_options::recursive); }

  // `from` becomes `to` in the copy's file.
  void Edit(const std::string& name, const std::string& from, const std::string& to) {
    std::ifstream in(dir_.path() / "m" / name, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    const size_t at = bytes.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    dir_.Write(fs::path("m") / name, bytes.replace(at, from.size(), to));
  }

  ModelIdentity Identify(const fs::path& dir) const {
    return *IdentifyModel(Embedder::Load(dir.string()).info());
  }
  ModelIdentity OfCopy() const { return Identify(dir_.path() / "m"); }

  test::TempDir dir_;
};

TEST_F(ModelIdentityTest, IsThatOfThePythonScript) {
  // Python 3.11, tools/oracle/identity.py; the first is what sha256sum gives too.
  const ModelIdentity identity = Identify(kModel);
  EXPECT_EQ(identity.fingerprint,
            "2ac443e9e0b400aa47ef90f193d60d3397f6ad4b90cf4ebfd637f384310d0aea");
  EXPECT_EQ(identity.space, "b7d81d28d47ba2d9482f6f4dc9990972c79e9b838a6a4b48a029b34969fa482c");
  EXPECT_FALSE(identity.quantized);
  EXPECT_EQ(OfCopy().fingerprint, identity.fingerprint);  // wherever it lies
  EXPECT_EQ(OfCopy().space, identity.space);
}

TEST_F(ModelIdentityTest, OfARerankerIsThatOfSha256sum) {
  const Reranker reranker = Reranker::Load(BGE_TEST_DATA_DIR "/models/tiny-reranker");
  EXPECT_EQ(FingerprintOf(reranker.info()),
            "01617a746ca78e2190aad993f3cadb40e47aeb9677495b2315ab90d1a2e01ef0");
}

TEST_F(ModelIdentityTest, WhatMakesOtherVectorsIsAnotherSpace) {
  const ModelIdentity before = OfCopy();
  const auto expect = [&](bool same_space) {
    const ModelIdentity after = OfCopy();
    EXPECT_NE(after.fingerprint, before.fingerprint);
    EXPECT_EQ(after.space == before.space, same_space);
  };
  Edit("config.json", "{", "{\"transformers_version\": \"9.9\", ");
  expect(true);
  Edit("config.json", "{", "{\"_name_or_path\": \"somewhere/else\", ");
  expect(true);
  fs::copy_file(kModel / "config.json", dir_.path() / "m/config.json",
                fs::copy_options::overwrite_existing);
  ASSERT_EQ(OfCopy().fingerprint, before.fingerprint);
  Edit("config.json", "\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": 1e-6");
  expect(false);
  fs::copy_file(kModel / "config.json", dir_.path() / "m/config.json",
                fs::copy_options::overwrite_existing);
  Edit("config_sentence_transformers.json", "\"passage: \"", "\"document: \"");
  expect(false);
  fs::copy_file(kModel / "config_sentence_transformers.json",
                dir_.path() / "m/config_sentence_transformers.json",
                fs::copy_options::overwrite_existing);
  Edit("tokenizer.json", "{", "{ ");
  expect(false);
}

TEST_F(ModelIdentityTest, AFileThatIsGoneIsAnError) {
  const ModelInfo info = Embedder::Load((dir_.path() / "m").string()).info();
  fs::remove(dir_.path() / "m/tokenizer.json");
  EXPECT_THROW(IdentifyModel(info), Error);
  EXPECT_FALSE(IdentifyModel(info, HashFiles::kNever));
}

}  // namespace
}  // namespace bge
