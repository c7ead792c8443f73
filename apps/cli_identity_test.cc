// FILE.bge.json beside vectors: which model and settings they are from.
#include "bge/embedder.h"
#include "bge/identity.h"
#include "bge/quantize.h"

#include "apps/run_program.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kModels = std::string(BGE_TEST_DATA_DIR) + "/models/";

class IdentityFiles : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  void Embed(const std::string& output, std::vector<std::string> options = {}) {
    std::vector<std::string> arguments = {
        "embed", "--model", kModels + "tiny-bert", "--input", texts_, "--output", output};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ProgramResult result = RunBge(arguments);
    ASSERT_EQ(result.status, 0) << result.err;
  }

  ProgramResult Verify(const std::string& vectors) const {
    return RunBge({"verify", "--model", kModels + "tiny-bert", "--against", vectors, "--texts",
                   texts_, "--tolerance", "10"});
  }

  test::TempDir folder_;
  std::string texts_ = folder_.Write("texts.txt", "a\nb\n").string();
};

TEST_F(IdentityFiles, SayModelSpaceAndSettings) {
  const Embedder embedder = Embedder::Load(kModels + "tiny-bert");
  const ModelIdentity identity = *IdentifyModel(embedder.info());
  for (const std::string name : {"v.npy", "v.jsonl", "v.f32", "v.txt"}) {
    SCOPED_TRACE(name);
    Embed(Path(name), {"--query", "--truncate-dim", "8"});
    const auto document = json::Document::Load(Path(name) + ".bge.json");
    const json::Value root = document->root();
    EXPECT_EQ(root.At("model").AsString(), embedder.info().name);
    EXPECT_EQ(root.At("fingerprint").AsString(), identity.fingerprint);
    EXPECT_EQ(root.At("space").AsString(), identity.space);
    EXPECT_EQ(root.At("type").AsString(), "float32");
    EXPECT_EQ(root.At("bytes").AsInt(),
              static_cast<int64_t>(std::filesystem::file_size(Path(name))));
    EXPECT_EQ(root.At("settings").At("dimension").AsString(), "8");
    EXPECT_EQ(root.At("settings").At("pooling").AsString(), "cls");
    EXPECT_THAT(std::string(root.At("settings").At("in front").AsString()), HasSubstr("query: "));
  }
}

TEST_F(IdentityFiles, OfArraysAreInside) {
  const Embedder embedder = Embedder::Load(kModels + "tiny-bert");
  Embed(Path("v.safetensors"), {"--return", "dense", "--truncate-dim", "8", "--no-normalize"});
  EXPECT_FALSE(std::filesystem::exists(Path("v.safetensors.bge.json")));
  const std::string file = ReadFile(Path("v.safetensors"), 1 << 20);
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof(length));
  const auto header = json::Document::Parse(file.substr(8, length), "header");
  const json::Value metadata = header->root().At("__metadata__");
  EXPECT_EQ(metadata.At("model").AsString(), embedder.info().name);
  EXPECT_EQ(metadata.At("space").AsString(), IdentifyModel(embedder.info())->space);
  EXPECT_EQ(metadata.At("type").AsString(), "float32");
  const auto settings =
      json::Document::Parse(std::string(metadata.At("settings").AsString()), "settings");
  EXPECT_EQ(settings->root().At("dimension").AsString(), "8");
  EXPECT_THAT(std::string(settings->root().At("length 1").AsString()), HasSubstr("no"));
  Embed(Path("v.npz"), {"--return", "dense", "--instruction", "about: "});
  EXPECT_THAT(ReadFile(Path("v.npz"), 1 << 20), HasSubstr("about: "));
}

TEST_F(IdentityFiles, AnIndexWarnsOfAQuantizedCopy) {
  ASSERT_EQ(
      RunBge({"index", "build", Path("i"), "--model", kModels + "tiny-bert", "--input", texts_})
          .status,
      0);
  Quantize(kModels + "tiny-bert", Path("int8"), {.type = WeightType::kInt8});
  const ProgramResult result = RunBge({"search", Path("i"), "a", "--model", Path("int8")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(StartsWith("bge: warning: "),
                                HasSubstr("built with other files of the same space")));
  EXPECT_EQ(RunBge({"search", Path("i"), "a"}).err, "");
}

TEST_F(IdentityFiles, AreBesideFilesOnly) {
  const ProgramResult result = RunBge({"embed", "--model", kModels + "tiny-bert", "a"});
  EXPECT_EQ(result.status, 0);
  Embed("/dev/null", {"--output-format", "f32"});
  EXPECT_FALSE(std::filesystem::exists("/dev/null.bge.json"));
}

TEST_F(IdentityFiles, FollowALinkToTheVectors) {
  std::filesystem::create_directory(Path("real"));
  std::filesystem::create_symlink(Path("real/v.npy"), Path("v.npy"));
  Embed(Path("v.npy"));
  EXPECT_TRUE(std::filesystem::exists(Path("real/v.npy.bge.json")));
  EXPECT_FALSE(std::filesystem::exists(Path("v.npy.bge.json")));
}

TEST_F(IdentityFiles, OfResumedRunsAreTheSame) {
  Embed(Path("a.npy"));
  Embed(Path("b.npy"), {"--resume"});
  EXPECT_EQ(ReadFile(Path("a.npy.bge.json"), 1 << 20), ReadFile(Path("b.npy.bge.json"), 1 << 20));
}

TEST_F(IdentityFiles, AreNotWrittenOverTheTexts) {
  const std::string texts = folder_.Write("v.npy.bge.json", "a\n").string();
  const ProgramResult result = RunBge({"embed", "--model", kModels + "tiny-bert", "--input", texts,
                                       "--format", "lines", "--output", Path("v.npy")});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("the output is the input"));
}

TEST_F(IdentityFiles, WarnOfVectorsOfAnotherSpace) {
  Embed(Path("v.npy"));
  EXPECT_EQ(Verify(Path("v.npy")).err, "");
  // Another model: the same numbers, but another instruction in its files.
  std::filesystem::copy(kModels + "tiny-bert", Path("other"),
                        std::filesystem::copy_options::recursive);
  std::ofstream(Path("other/config_sentence_transformers.json"))
      << R"({"prompts": {"query": "other: "}})";
  const ProgramResult made =
      RunBge({"embed", "--model", Path("other"), "--input", texts_, "--output", Path("o.npy")});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(Verify(Path("o.npy")).err, HasSubstr("bge: warning: vectors of another space: "));

  // Where another program has replaced the vectors, the file says nothing of them.
  std::filesystem::copy_file(Path("v.npy"), Path("w.npy"));
  std::filesystem::copy_file(Path("o.npy.bge.json"), Path("w.npy.bge.json"));
  EXPECT_THAT(Verify(Path("w.npy")).err, HasSubstr("another space"));
  std::filesystem::resize_file(Path("w.npy"), std::filesystem::file_size(Path("w.npy")) - 4);
  EXPECT_THAT(Verify(Path("w.npy")).err, testing::Not(HasSubstr("another space")));
}

TEST_F(IdentityFiles, ThatAreDamagedAreNamed) {
  Embed(Path("v.npy"));
  for (const char* text : {"", "{", "[]", R"({"space": 1})", R"({"space": "x"})",
                           R"({"space": "x", "bytes": "many"})"}) {
    std::ofstream(Path("v.npy.bge.json")) << text;
    const ProgramResult result = Verify(Path("v.npy"));
    EXPECT_EQ(result.status, 1) << text;
    EXPECT_THAT(result.err, HasSubstr("v.npy.bge.json")) << text;
  }
}

}  // namespace
}  // namespace bge::cli
