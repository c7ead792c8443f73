// Which files of real repositories' listings are fetched.
#include "hub/needed_files.h"

#include "base/error.h"
#include "tests/expect_error.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace bge::hub {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using testing::UnorderedElementsAre;

// What is fetched of a repository of these files: name -> content.
std::vector<std::string> Needed(const std::map<std::string, std::string>& files) {
  std::vector<std::string> fetched;
  ModelTree tree;
  tree.name = "a/b";
  for (const auto& [name, content] : files) tree.files.push_back(name);
  tree.fetch = [&fetched](const std::vector<std::string>& names) {
    fetched.insert(fetched.end(), names.begin(), names.end());
  };
  tree.read = [&](const std::string& name) {
    EXPECT_NE(std::find(fetched.begin(), fetched.end(), name), fetched.end()) << name;
    return files.at(name);
  };
  FetchNeededFiles(tree);
  return fetched;
}

constexpr const char* kModules = R"([
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])";

TEST(NeededFiles, OfBgeSmall) {
  EXPECT_THAT(Needed({{".gitattributes", ""},
                      {"1_Pooling/config.json", "{}"},
                      {"README.md", ""},
                      {"config.json", "{}"},
                      {"config_sentence_transformers.json", "{}"},
                      {"model.safetensors", ""},
                      {"modules.json", kModules},
                      {"onnx/model.onnx", ""},
                      {"pytorch_model.bin", ""},
                      {"sentence_bert_config.json", "{}"},
                      {"special_tokens_map.json", "{}"},
                      {"tokenizer.json", "{}"},
                      {"tokenizer_config.json", "{}"},
                      {"vocab.txt", ""}}),
              ElementsAre("config.json", "config_sentence_transformers.json", "modules.json",
                          "sentence_bert_config.json", "special_tokens_map.json", "tokenizer.json",
                          "tokenizer_config.json", "vocab.txt", "1_Pooling/config.json",
                          "model.safetensors"));
}

TEST(NeededFiles, OfBgeM3) {
  EXPECT_THAT(Needed({{"1_Pooling/config.json", "{}"},
                      {"README.md", ""},
                      {"colbert_linear.pt", ""},
                      {"config.json", "{}"},
                      {"config_sentence_transformers.json", "{}"},
                      {"imgs/.DS_Store", ""},
                      {"imgs/bm25.jpg", ""},
                      {"long.jpg", ""},
                      {"modules.json", kModules},
                      {"onnx/Constant_7_attr__value", ""},
                      {"onnx/config.json", "{}"},
                      {"onnx/model.onnx", ""},
                      {"onnx/model.onnx_data", ""},
                      {"onnx/tokenizer.json", "{}"},
                      {"pytorch_model.bin", ""},
                      {"sentence_bert_config.json", "{}"},
                      {"sentencepiece.bpe.model", ""},
                      {"sparse_linear.pt", ""},
                      {"special_tokens_map.json", "{}"},
                      {"tokenizer.json", "{}"},
                      {"tokenizer_config.json", "{}"}}),
              UnorderedElementsAre(
                  "1_Pooling/config.json", "colbert_linear.pt", "config.json",
                  "config_sentence_transformers.json", "modules.json", "pytorch_model.bin",
                  "sentence_bert_config.json", "sentencepiece.bpe.model", "sparse_linear.pt",
                  "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"));
}

TEST(NeededFiles, ShardsAreThoseOfTheIndex) {
  const std::string index =
      R"({"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors",)"
      R"("b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}})";
  const std::map<std::string, std::string> files = {{"config.json", "{}"},
                                                    {"model-00001-of-00002.safetensors", ""},
                                                    {"model-00002-of-00002.safetensors", ""},
                                                    {"model-00003-of-00002.safetensors", ""},
                                                    {"model.safetensors.index.json", index},
                                                    {"pytorch_model-00001-of-00001.bin", ""},
                                                    {"pytorch_model.bin.index.json", index}};
  EXPECT_THAT(Needed(files),
              ElementsAre("config.json", "model.safetensors.index.json",
                          "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
  auto lacking = files;
  lacking.erase("model-00002-of-00002.safetensors");
  EXPECT_THAT(test::Thrown([&] { return Needed(lacking); }),
              AllOf(StartsWith("not_found: "), HasSubstr("model-00002-of-00002.safetensors")));
  for (const char* name : {"../x", "/x", "sub/x", "a\\\\b", "", ".."}) {
    auto hostile = files;
    hostile["model.safetensors.index.json"] =
        R"({"weight_map": {"a": ")" + std::string(name) + "\"}}";
    EXPECT_THAT(test::Thrown([&] { return Needed(hostile); }),
                AllOf(StartsWith("corrupt_data: "), HasSubstr("weight_map")))
        << name;
  }
}

TEST(NeededFiles, ModulesMayHaveWeightsAndTheRootNone) {
  EXPECT_THAT(
      Needed({{"0_Transformer/config.json", "{}"},
              {"0_Transformer/pytorch_model.bin", ""},
              {"0_Transformer/vocab.txt", ""},
              {"1_Pooling/config.json", "{}"},
              {"2_Dense/config.json", "{}"},
              {"2_Dense/model.safetensors", ""},
              {"2_Dense/pytorch_model.bin", ""},
              {"2_Dense/onnx/config.json", "{}"},
              {"3_Unused/config.json", "{}"},
              {"modules.json", R"([{"path": "0_Transformer"}, {"path": "1_Pooling/"},
                                   {"path": "./2_Dense"}])"},
              {"pytorch_model.bin", ""}}),
      UnorderedElementsAre("modules.json", "0_Transformer/config.json", "0_Transformer/vocab.txt",
                           "1_Pooling/config.json", "2_Dense/config.json",
                           "0_Transformer/pytorch_model.bin", "2_Dense/model.safetensors"));
  for (const char* path : {"../x", "/x", "a/../../x", "a\\\\b"}) {
    EXPECT_THAT(test::Thrown([&] {
                  return Needed({{"model.safetensors", ""},
                                 {"modules.json", R"([{"path": ")" + std::string(path) + "\"}]"}});
                }),
                AllOf(StartsWith("corrupt_data: "), HasSubstr("modules.json")))
        << path;
  }
}

TEST(NeededFiles, RoutersNameTheFoldersOfTheirRoutes) {
  EXPECT_THAT(Needed({{"config_sentence_transformers.json", "{}"},
                      {"document_0_MLMTransformer/config.json", "{}"},
                      {"document_0_MLMTransformer/model.safetensors", ""},
                      {"document_0_MLMTransformer/tokenizer.json", "{}"},
                      {"modules.json", R"([{"path": ""}])"},
                      {"query_0_SparseStaticEmbedding/config.json", "{}"},
                      {"query_0_SparseStaticEmbedding/idf.json", "{}"},
                      {"router_config.json",
                       R"({"types": {"query_0_SparseStaticEmbedding": "x", "../evil": "x",
                             "document_0_MLMTransformer": "y"}})"}}),
              UnorderedElementsAre("config_sentence_transformers.json", "modules.json",
                                   "router_config.json", "document_0_MLMTransformer/config.json",
                                   "document_0_MLMTransformer/tokenizer.json",
                                   "document_0_MLMTransformer/model.safetensors",
                                   "query_0_SparseStaticEmbedding/config.json",
                                   "query_0_SparseStaticEmbedding/idf.json"));
}

TEST(NeededFiles, WeightsOfTokensMayBeAll) {
  constexpr const char* kStatic = "sentence_transformers.models.SparseStaticEmbedding";
  const auto modules = [](const std::string& type, const std::string& folder) {
    return R"([{"type": ")" + type + R"(", "path": ")" + folder + R"("}])";
  };
  for (const std::string folder : {"", "0_Static/"}) {
    for (const std::string place : {"", "0_Static/"}) {
      if (folder.empty() && !place.empty()) continue;
      EXPECT_THAT(Needed({{folder + "config.json", R"({"path": "weights.json"})"},
                          {folder + "tokenizer.json", "{}"},
                          {place + "weights.json", "{}"},
                          {"modules.json", modules(kStatic, folder)}}),
                  UnorderedElementsAre("modules.json", folder + "config.json",
                                       folder + "tokenizer.json", place + "weights.json"));
    }
  }
  // Which are not enough beside other modules, and have to be named and there.
  for (const auto& [config, type] :
       {std::pair(R"({"path": "idf.json"})", "models.Router"), std::pair("{}", kStatic),
        std::pair(R"({"path": "absent.json"})", kStatic)}) {
    EXPECT_THAT(
        test::Thrown([&, config = config, type = type] {
          return Needed(
              {{"config.json", config}, {"idf.json", "{}"}, {"modules.json", modules(type, "")}});
        }),
        StartsWith("not_found: no weights that can be read"));
  }
}

TEST(NeededFiles, RoutersMayLieInAFolderAndHaveManyRoutes) {
  std::map<std::string, std::string> files = {{"modules.json", R"([{"path": "0_Router"}])"},
                                              {"0_Router/a0/model.safetensors", ""}};
  std::string types;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "a" + std::to_string(i);
    types += (i == 0 ? "\"" : ", \"") + name + "\": \"type\"";
    files["0_Router/" + name + "/config.json"] = "{}";
  }
  files["0_Router/router_config.json"] = "{\"types\": {" + types + "}}";
  EXPECT_EQ(Needed(files).size(), files.size());
  files["0_Router/router_config.json"] = R"({"types": {"a0": "x"}})";
  std::string modules = R"([{"path": "0_Router"})";
  for (int i = 0; i < 100; ++i) modules += ", {\"path\": \"m" + std::to_string(i) + "\"}";
  files["modules.json"] = modules + "]";
  EXPECT_THAT(test::Thrown([&] { return Needed(files); }),
              AllOf(StartsWith("corrupt_data: "), HasSubstr("too many modules")));
}

TEST(NeededFiles, AModelWithoutWeightsIsAnError) {
  EXPECT_THAT(test::Thrown([] {
                return Needed({{"config.json", "{}"}, {"onnx/model.onnx", ""}});
              }),
              AllOf(StartsWith("not_found: no weights"), HasSubstr("onnx/model.onnx")));
  EXPECT_THAT(test::Thrown([] { return Needed({}); }), StartsWith("not_found: no weights"));
}

TEST(NeededFiles, DirectoriesThatLackSomeAreKnown) {
  EXPECT_TRUE(HasNeededFiles(BGE_TEST_DATA_DIR "/models/tiny-bert"));
  const test::TempDir dir;
  EXPECT_FALSE(HasNeededFiles(dir.path()));
  EXPECT_FALSE(HasNeededFiles(dir.path() / "absent"));
  dir.Write("config.json", "{}");
  dir.Write("tokenizer.json", "{}");
  EXPECT_FALSE(HasNeededFiles(dir.path()));
  dir.Write("model.safetensors.index.json", R"({"weight_map": {"a": "s.safetensors"}})");
  EXPECT_FALSE(HasNeededFiles(dir.path()));
  std::filesystem::create_symlink("nowhere", dir.path() / "s.safetensors");
  EXPECT_FALSE(HasNeededFiles(dir.path()));
  std::filesystem::remove(dir.path() / "s.safetensors");
  dir.Write("s.safetensors", "");
  EXPECT_TRUE(HasNeededFiles(dir.path()));
}

}  // namespace
}  // namespace bge::hub
