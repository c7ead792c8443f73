// Sparse encoders, used from the command line.
#include "apps/run_program.h"
#include "apps/test_program_output.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/model_copy.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

namespace bge::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kSplade = BGE_TEST_DATA_DIR "/models/tiny-splade";
const std::string kRouter = BGE_TEST_DATA_DIR "/models/tiny-doc-sparse";

TEST(SparseEncoderCommand, EmbedGivesWhatTheModelMakes) {
  const std::string line = OutputOf({"embed", "--model", kSplade, "a fox"});
  EXPECT_EQ(line, OutputOf({"embed", "--model", kSplade, "--return", "sparse", "a fox"}));
  EXPECT_THAT(line, StartsWith(R"({"sparse":{")"));
  EXPECT_GT(Parse(line)->root().At("sparse").size(), 10u);
  const std::string tokens =
      OutputOf({"embed", "--model", kRouter, "--query", "--sparse-tokens", "a fox"});
  EXPECT_EQ(Parse(tokens)->root().At("sparse").size(), 2u);
  EXPECT_THAT(tokens, AllOf(HasSubstr(R"("a":)"), HasSubstr(R"("fox":)")));
  const std::string three =
      OutputOf({"embed", "--model", kSplade, "--max-active-dims", "3", "a fox"});
  EXPECT_EQ(Parse(three)->root().At("sparse").size(), 3u);
  const test::TempDir dir;
  for (const char* name : {"out.npz", "out.safetensors", "out.jsonl"}) {
    const std::string path = (dir.path() / name).string();
    OutputOf({"embed", "--model", kSplade, "--output", path, "a fox"});
    EXPECT_TRUE(fs::exists(path)) << name;
  }
  EXPECT_THAT(OpenSafetensors(dir.path() / "out.safetensors")->Names(),
              ElementsAre("sparse_offsets", "sparse_token_ids", "sparse_weights"));
}

TEST(SparseEncoderCommand, NamesTokensByTheTokenizerThatMadeThem) {
  const test::ModelCopy copy("tiny-doc-sparse");
  const std::string file = "query_0_SparseStaticEmbedding/tokenizer.json";
  std::string vocabulary = ReadFile(copy.path() / file, 1 << 20);
  const size_t at = vocabulary.find("\"fox\"");
  ASSERT_NE(at, std::string::npos);
  vocabulary.replace(at, 5, "\"cub\"");
  copy.Write(file, vocabulary);
  EXPECT_THAT(OutputOf({"embed", "--model", copy.name(), "--query", "--sparse-tokens", "a cub"}),
              AllOf(HasSubstr(R"("a":)"), HasSubstr(R"("cub":)"), Not(HasSubstr(R"("fox":)"))));
}

TEST(SparseEncoderCommand, DenseVectorsAreAnError) {
  const test::TempDir dir;
  const std::string texts = dir.Write("texts.txt", "one\n").string();
  const std::string index = (dir.path() / "index").string();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"embed", "--model", kSplade, "--return", "dense", "a"},
           {"index", "build", index, "--model", kSplade, "--input", texts},
           {"similarity", "--model", kSplade, "a", "b"}}) {
    const ProgramResult result = RunBge(arguments);
    EXPECT_EQ(result.status, 1) << arguments[0];
    EXPECT_THAT(result.err, HasSubstr("the model makes no dense vectors")) << arguments[0];
  }
  EXPECT_FALSE(fs::exists(index));
  const ProgramResult format =
      RunBge({"embed", "--model", kSplade, "--output", (dir.path() / "x.npy").string(), "a"});
  EXPECT_EQ(format.status, 2);
  EXPECT_THAT(format.err, HasSubstr(".npz"));
}

// tests/data/golden/tiny-*.json, by tools/oracle/make_tiny_sparse.py.
TEST(SparseEncoderCommand, ScoreGivesSparseEncodersSimilarities) {
  for (const std::string name : {"tiny-splade", "tiny-doc-sparse", "tiny-splade-sum"}) {
    const auto golden = json::Document::Load(BGE_TEST_DATA_DIR "/golden/" + name + ".json");
    const json::Value scores = golden->root().At("scores");
    const auto texts = scores.At("texts").Elements();
    const test::ModelCopy copy(name);
    const std::string file = "config_sentence_transformers.json";
    const std::string config = ReadFile(copy.path() / file, 1 << 20);
    for (const std::string similarity : {"dot", "cosine", "euclidean", "manhattan"}) {
      std::string changed = config;
      // The last of two members of one name counts.
      changed.insert(changed.rfind('}'), ",\"similarity_fn_name\":\"" + similarity + "\"");
      copy.Write(file, changed);
      for (size_t q = 0; q < texts.size(); ++q) {
        for (size_t d = 0; d < texts.size(); ++d) {
          const auto found =
              Parse(OutputOf({"score", "--model", copy.name(), "--json",
                              std::string(texts[q].AsString()), std::string(texts[d].AsString())}));
          EXPECT_EQ(found->root().size(), similarity == "dot" ? 1u : 2u);
          for (const auto& [key, score] : found->root().Members()) {
            const double expected = scores.At(key).Elements()[q].Elements()[d].AsDouble();
            EXPECT_NEAR(score.AsDouble(), expected, 2e-5 * std::max(1.0, std::abs(expected)))
                << name << ' ' << key << ' ' << q << ' ' << d;
          }
        }
      }
    }
  }
  const ProgramResult clamp = RunBge({"score", "--model", kSplade, "a", "b", "--clamp"});
  EXPECT_EQ(clamp.status, 2);
  EXPECT_THAT(clamp.err, HasSubstr("--clamp"));
}

TEST(SparseEncoderCommand, InfoSaysWhatItIs) {
  const std::string text = OutputOf({"info", kRouter});
  EXPECT_THAT(text, AllOf(HasSubstr("288 values, compared by dot"), HasSubstr("max, log1p_relu"),
                          HasSubstr("weights by token from query_0_SparseStaticEmbedding")));
  const auto info = Parse(OutputOf({"info", kRouter, "--json"}));
  EXPECT_EQ(info->root().At("sparse_dimension").AsInt(), 288);
  EXPECT_EQ(info->root().At("heads").Elements()[0].AsString(), "sparse");
  EXPECT_EQ(info->root().At("query_weights").AsString(), "query_0_SparseStaticEmbedding");
}

TEST(SparseEncoderCommand, ModelsOfWeightsOfTokensAlone) {
  const std::string model = BGE_TEST_DATA_DIR "/models/tiny-static-sparse";
  const std::string tokens = OutputOf({"embed", "--model", model, "--sparse-tokens", "a fox"});
  EXPECT_EQ(Parse(tokens)->root().At("sparse").size(), 2u);
  EXPECT_EQ(OutputOf({"tokenize", "--model", model, "--query", "a fox"}), "a fox\n");
  EXPECT_EQ(OutputOf({"tokenize", "--model", model, "--passage", "a fox"}), "a map of a fox\n");
  EXPECT_THAT(OutputOf({"info", model}),
              AllOf(HasSubstr("no layers, 288 word pieces"), HasSubstr("288 values, compared by"),
                    HasSubstr("weights by token from .")));
  const ProgramResult explained = RunBge({"embed", "--model", model, "--explain", "a fox"});
  EXPECT_EQ(explained.status, 0);
  EXPECT_THAT(explained.err, HasSubstr("none: weights by token"));
  const test::ModelCopy endless("tiny-static-sparse");
  fs::remove(endless.path() / "tokenizer_config.json");
  EXPECT_THAT(OutputOf({"info", endless.name()}), HasSubstr("no limit  (default)"));
  const test::TempDir dir;
  const std::string out = (dir.path() / "out").string();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"quantize", model, out, "--dtype", "int8"}, {"bench", "--model", model}}) {
    const ProgramResult result = RunBge(arguments);
    EXPECT_EQ(result.status, 1) << arguments[0];
    EXPECT_THAT(result.err, HasSubstr("a model without ")) << arguments[0];
  }
  EXPECT_FALSE(fs::exists(out));
}

TEST(SparseEncoderCommand, QuantizedModelsGiveNearlyTheSame) {
  const test::TempDir dir;
  for (const std::string& model : {kSplade, kRouter}) {
    const std::string exact = OutputOf({"embed", "--model", model, "--query", "a fox in the city"});
    for (const char* type : {"int8", "bf16"}) {
      const std::string out = (dir.path() / (fs::path(model).filename().string() + type)).string();
      OutputOf({"quantize", model, out, "--dtype", type});
      const auto found = Parse(OutputOf({"embed", "--model", out, "--query", "a fox in the city"}));
      const auto expected = Parse(exact);
      int64_t both = 0;
      for (const auto& [id, weight] : expected->root().At("sparse").Members()) {
        const auto other = found->root().At("sparse").Find(id);
        both += other ? 1 : 0;
        if (other && model == kRouter) {
          EXPECT_EQ(other->AsDouble(), weight.AsDouble());
        }
      }
      EXPECT_GT(both, 0.8 * static_cast<double>(expected->root().At("sparse").size()));
    }
  }
}

TEST(SparseEncoderCommand, ADirectoryWithoutModulesNeedsTheFlag) {
  const test::TempDir dir;
  const fs::path model = dir.path() / "model";
  fs::copy(kSplade, model, fs::copy_options::recursive);
  fs::remove(model / "modules.json");
  fs::remove(model / "config_sentence_transformers.json");
  const ProgramResult dense = RunBge({"embed", "--model", model.string(), "a fox"});
  EXPECT_THAT(dense.err, HasSubstr("--splade"));
  EXPECT_THAT(dense.out, HasSubstr("\"embedding\""));
  EXPECT_EQ(OutputOf({"embed", "--model", model.string(), "--splade", "a fox"}),
            OutputOf({"embed", "--model", kSplade, "a fox"}));
  EXPECT_THAT(OutputOf({"info", model.string(), "--splade"}), HasSubstr("the caller's option"));
}

}  // namespace
}  // namespace bge::cli
