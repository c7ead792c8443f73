// Models of token vectors (ColBERT), used from the command line.
#include "apps/run_program.h"
#include "apps/test_program_output.h"
#include "base/json.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kColbert = BGE_TEST_DATA_DIR "/models/tiny-colbert-stanford";

TEST(ColbertCommands, EmbedWritesTokenVectorsWithoutBeingTold) {
  std::vector<std::shared_ptr<const json::Document>> outputs;  // the values live in them
  const auto vectors = [&outputs](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"embed", "--model", kColbert, "a map, and water"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    outputs.push_back(Parse(OutputOf(arguments)));
    return outputs.back()->root().At("colbert").Elements();
  };
  EXPECT_EQ(vectors({"--query"}).size(), 16u);   // filled up
  EXPECT_EQ(vectors({"--passage"}).size(), 7u);  // [CLS] [unused1] a map and water [SEP]
  EXPECT_EQ(vectors({}).size(), 6u);             // without the marker
  EXPECT_EQ(vectors({"--return", "colbert"}).size(), 6u);
  EXPECT_EQ(vectors({"--query"}).front().size(), 4u);
  EXPECT_EQ(vectors({"--query", "--truncate-dim", "3"}).front().size(), 3u);
}

TEST(ColbertCommands, EmbedWritesArrays) {
  const test::TempDir dir;
  const std::string path = (dir.path() / "out.safetensors").string();
  OutputOf({"embed", "--model", kColbert, "--passage", "a map", "!", "-o", path});
  const auto tensors = OpenSafetensors(path);
  EXPECT_EQ(tensors->Find("colbert_vecs")->shape, (Shape{8, 4}));
  EXPECT_FALSE(tensors->Find("dense_vecs"));
}

TEST(ColbertCommands, InfoSaysHowRolesAreRead) {
  const std::string text = OutputOf({"info", kColbert});
  EXPECT_THAT(text, AllOf(HasSubstr("colbert (4 values a token)"), HasSubstr("maxsim"),
                          HasSubstr("40 tokens of a document  (artifact.metadata doc_maxlen)"),
                          HasSubstr("filled up to 16 tokens with [MASK], which no token attends")));
  const auto info = Parse(OutputOf({"info", kColbert, "--json"}));
  EXPECT_EQ(info->root().At("heads").size(), 1u);
  EXPECT_EQ(info->root().At("query_length").AsInt(), 16);
  EXPECT_EQ(info->root().At("query_instruction").AsString(), "[unused0] ");
}

TEST(ColbertCommands, ScoreIsMaxSim) {
  const auto scores = Parse(
      OutputOf({"score", "--model", kColbert, "what is a map", "a map of the city", "--json"}));
  const double sum = scores->root().At("maxsim").AsDouble();
  EXPECT_NEAR(scores->root().At("meanmaxsim").AsDouble(), sum / 16, 1e-6);
  EXPECT_GT(sum, 8);
  EXPECT_LT(sum, 16);
  EXPECT_EQ(RunBge({"score", "--model", kColbert, "a", "b", "--clamp"}).status, 2);
}

TEST(ColbertCommands, WhatNeedsOneVectorATextSaysSo) {
  const test::TempDir dir;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"similarity", "--model", kColbert, "a", "b"},
        {"index", "build", (dir.path() / "index").string(), "--model", kColbert, "--input",
         dir.Write("texts.txt", "a\nb\n").string()}}) {
    const ProgramResult result = RunBge(arguments);
    EXPECT_EQ(result.status, 1) << arguments[0];
    EXPECT_THAT(result.err, HasSubstr("makes no dense vectors")) << arguments[0];
  }
}

}  // namespace
}  // namespace bge::cli
