// Which files of a model go with its new weights, and what becomes of config.json.
#include "quantize/model_copy.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/expect_error.h"
#include "tests/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bge::quantize {
namespace {

namespace fs = std::filesystem;
using test::ModelDir;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::StartsWith;
using testing::UnorderedElementsAre;

ModelSpec SpecOf(const ModelDir& dir) { return ReadModelSpec(dir.path(), {}); }

std::vector<std::string> FilesOf(const ModelDir& dir) {
  std::vector<std::string> files;
  for (const fs::path& file : ListModelFiles(SpecOf(dir)).files) files.push_back(file.string());
  return files;
}

TEST(ModelCopy, TakesAllButWeights) {
  const ModelDir dir;
  for (const char* file :
       {"model.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json",
        "pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack",
        "rust_model.ot", "model.onnx", "onnx/model.json", "openvino/openvino_model.xml",
        "coreml/a/b.json", ".git/config", ".cache/x", "training_args.bin", "optimizer.pt",
        "other/adapter.safetensors"}) {
    dir.Write(file, "x");
  }
  for (const char* file : {"tokenizer.json", ".gitattributes", "sentencepiece.bpe.model",
                           "other/notes.txt", "LICENSE"}) {
    dir.Write(file, "x");
  }
  fs::create_directory(dir.path() / "2_Normalize");
  EXPECT_THAT(FilesOf(dir), ElementsAre(".gitattributes", "1_Pooling/config.json", "LICENSE",
                                        "config.json", "modules.json", "other/notes.txt",
                                        "sentencepiece.bpe.model", "tokenizer.json"));
  EXPECT_THAT(ListModelFiles(SpecOf(dir)).folders,
              UnorderedElementsAre("1_Pooling", "2_Normalize", "other"));
}

TEST(ModelCopy, TakesTheHeadsOfBgeM3) {
  const ModelDir dir;
  for (const char* file : {"sparse_linear.pt", "colbert_linear.safetensors", "other_linear.pt"}) {
    dir.Write(file, "x");
  }
  EXPECT_THAT(FilesOf(dir), IsSupersetOf({"sparse_linear.pt", "colbert_linear.safetensors"}));
  EXPECT_THAT(FilesOf(dir), testing::Not(testing::Contains("other_linear.pt")));
}

TEST(ModelCopy, TakesTheWeightsOfModulesBehindTheTransformer) {
  const ModelDir dir;
  dir.WriteModules("," + test::ModuleJson(2, "2_Dense", "sentence_transformers.models.Dense"));
  dir.Write("2_Dense/config.json", R"({"in_features":8,"out_features":8,)"
                                   R"("activation_function":"torch.nn.modules.linear.Identity"})");
  dir.Write("2_Dense/model.safetensors", "x");
  dir.Write("2_Dense/pytorch_model.bin", "x");
  EXPECT_THAT(FilesOf(dir), IsSupersetOf({"2_Dense/config.json", "2_Dense/model.safetensors",
                                          "2_Dense/pytorch_model.bin"}));
  EXPECT_EQ(FilesOf(dir).size(), 6u);
}

TEST(ModelCopy, FollowsTheLinksOfTheHubsCache) {
  ModelDir dir;
  dir.Write("blob", "content");
  dir.MoveTo("hub/models--ORG--NAME/snapshots/abc");
  const fs::path repo = dir.path() / "../..";
  fs::create_directory(repo / "blobs");
  fs::rename(dir.path() / "blob", repo / "blobs" / "123");
  fs::create_symlink("../../blobs/123", dir.path() / "vocab.txt");
  EXPECT_THAT(FilesOf(dir), testing::Contains("vocab.txt"));
  const fs::path copy = dir.path() / "copy.txt";
  CopyModelFile(dir.path() / "vocab.txt", copy, {});
  EXPECT_FALSE(fs::is_symlink(copy));
  EXPECT_EQ(ReadFile(copy, 100), "content");
}

// Who reads a model with $BGE_FOLLOW_LINKS still copies nothing from elsewhere.
TEST(ModelCopy, LinksThatLeadOutAreErrors) {
  const test::FollowedLinks following;
  const ModelDir dir;
  const test::TempDir elsewhere;
  const fs::path secret = elsewhere.Write("secret", "x");
  const fs::path link = dir.path() / "link";
  const auto thrown = [&](const fs::path& target) {
    fs::remove(link);
    fs::create_symlink(target, link);
    return test::Thrown([&] { return FilesOf(dir); });
  };
  EXPECT_THAT(thrown(secret), AllOf(StartsWith("invalid_argument: a link leads out of the model: "),
                                    HasSubstr("link: found a link to " + secret.string())));
  EXPECT_THAT(thrown(elsewhere.path()), StartsWith("invalid_argument: "));
  EXPECT_THAT(thrown("1_Pooling"), StartsWith("invalid_argument: "));
  EXPECT_THAT(thrown(".."), StartsWith("invalid_argument: "));
  EXPECT_THAT(thrown("nowhere"), StartsWith("not_found: a link of the model leads nowhere: "));
  EXPECT_EQ(thrown("config.json"), "no error");
  // Weights are read, and not copied.
  fs::remove(link);
  fs::create_symlink(secret, dir.path() / "model.safetensors");
  EXPECT_EQ(test::Thrown([&] { return FilesOf(dir); }), "no error");
}

TEST(ModelCopy, DeepFoldersAreErrors) {
  const test::FollowedLinks following;  // which looks at folders too
  const ModelDir dir;
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "d/";
  dir.Write(deep + "file", "x");
  EXPECT_THAT(test::Thrown([&] { return FilesOf(dir); }), HasSubstr("nested too deeply"));
}

std::shared_ptr<const json::Document> Config(const ModelDir& dir, WeightType type) {
  return json::Document::Parse(ConfigFor(SpecOf(dir), type), "config.json");
}

TEST(ModelCopy, ConfigNamesTheType) {
  const ModelDir dir;
  for (const char* key : {"torch_dtype", "dtype"}) {
    dir.Write("config.json", R"({"model_type":"bert","hidden_size":8,"vocab_size":30,)"
                             R"("max_position_embeddings":512,"layer_norm_eps":1e-12,")" +
                                 std::string(key) + R"(":"float32"})");
    const auto config = Config(dir, WeightType::kBFloat16);
    EXPECT_EQ(config->root().At(key).AsString(), "bfloat16");
    EXPECT_EQ(config->root().size(), 6u);
    EXPECT_EQ(config->root().At("layer_norm_eps").AsDouble(), 1e-12);
    EXPECT_EQ(Config(dir, WeightType::kInt8)->root().At(key).AsString(), "float32");
  }
  dir.Write("config.json", test::kBertConfig);
  EXPECT_EQ(Config(dir, WeightType::kFloat16)->root().At("torch_dtype").AsString(), "float16");
  const auto config = Config(dir, WeightType::kInt8);
  EXPECT_FALSE(config->root().Find("torch_dtype"));
  EXPECT_FALSE(config->root().Find("_name_or_path"));
  EXPECT_EQ(config->root().At("quantization_config").At("format").AsString(), "int-quantized");
}

// Where it lies tells what the model is, and its copy lies elsewhere.
TEST(ModelCopy, AKnownModelKeepsItsName) {
  ModelDir dir;
  dir.Remove("modules.json");
  dir.Write("config.json", R"({"model_type":"bert","hidden_size":384,"num_hidden_layers":12,)"
                           R"("vocab_size":30522,"max_position_embeddings":512,)"
                           R"("_name_or_path":"/home/somebody/model"})");
  dir.MoveTo("hub/models--BAAI--bge-small-en-v1.5/snapshots/abc");
  const ModelSpec spec = SpecOf(dir);
  ASSERT_TRUE(spec.known);
  const ModelDir copy;
  copy.Remove("modules.json");
  copy.Write("config.json", ConfigFor(spec, WeightType::kInt8));
  const ModelSpec copied = SpecOf(copy);
  EXPECT_EQ(copied.name, "BAAI/bge-small-en-v1.5");
  EXPECT_EQ(copied.query_instruction, spec.query_instruction);
  EXPECT_EQ(copied.max_length, spec.max_length);
}

}  // namespace
}  // namespace bge::quantize
