// Models of token vectors (ColBERT), used from the command line.
#include "apps/run_program.h"
#include "apps/test_program_output.h"
#include "base/json.h"
#include "tests/temp_dir.h"
#include "weights/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
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

// `bge score`'s maxsim.
double MaxSimOf(const std::string& query, const std::string& passage) {
  const auto scores = Parse(OutputOf({"score", "--model", kColbert, query, passage, "--json"}));
  return scores->root().At("maxsim").AsDouble();
}

TEST(ColbertCommands, RerankOrdersByMaxSim) {
  const std::string query = "what is a map";
  const std::vector<std::string> passages = {"water, and stone", "a map of the city", "the river"};
  const auto ranked =
      Parse(OutputOf({"rerank", "--model", kColbert, "--query", query, "--output-format", "jsonl",
                      passages[0], passages[1], passages[2]}));
  const auto hits = ranked->root().At("hits").Elements();
  ASSERT_EQ(hits.size(), 3u);
  double last = 1e9;
  for (const json::Value& hit : hits) {
    const double score = hit.At("score").AsDouble();
    EXPECT_LE(score, last);
    last = score;
    EXPECT_NEAR(score, MaxSimOf(query, std::string(hit.At("text").AsString())), 1e-5);
  }
  const auto best = Parse(OutputOf({"rerank", "--model", kColbert, "--query", query, "--top-k", "1",
                                    passages[0], passages[1], passages[2]}));
  EXPECT_EQ(best->root().At("hits").size(), 1u);
  EXPECT_EQ(best->root().At("hits").Elements()[0].At("text").AsString(),
            hits[0].At("text").AsString());
}

TEST(ColbertCommands, RerankScoresPairsInTheirOrder) {
  const test::TempDir dir;
  const std::string pairs =
      dir.Write("pairs.jsonl",
                "{\"_id\":\"x\",\"query\":\"a map\",\"passage\":\"the city\"}\n"
                "{\"_id\":\"y\",\"query\":\"water\",\"passage\":\"a river\"}\n")
          .string();
  std::istringstream lines(OutputOf({"rerank", "--model", kColbert, "--pairs", pairs}));
  const std::pair<const char*, double> expected[] = {{"x", MaxSimOf("a map", "the city")},
                                                     {"y", MaxSimOf("water", "a river")}};
  for (const auto& [id, score] : expected) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    const auto row = Parse(line);
    EXPECT_EQ(row->root().At("_id").AsString(), id);
    EXPECT_NEAR(row->root().At("score").AsDouble(), score, 1e-5);
  }
}

TEST(ColbertCommands, RerankSaysWhatDoesNotGoWithIt) {
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--normalize"},
                                                {"--raw"},
                                                {"--best-window"},
                                                {"--query-max-length", "5"},
                                                {"--pairs-as", "crossencoder"}}) {
    std::vector<std::string> arguments = {"rerank", "--model", kColbert, "--query", "a", "b"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const ProgramResult result = RunBge(arguments);
    EXPECT_EQ(result.status, 2) << flags[0];
    EXPECT_THAT(result.err, AllOf(HasSubstr(flags[0]), HasSubstr("ColBERT")));
  }
  const std::string long_text = []() {
    std::string words;
    for (int i = 0; i < 60; ++i) words += "map ";
    return words;
  }();
  const ProgramResult cut = RunBge({"rerank", "--model", kColbert, "--query", "a", long_text, "b"});
  EXPECT_EQ(cut.status, 0);
  EXPECT_EQ(cut.err,
            "bge: warning: 1 of 3 queries and passages were longer than 16 and 40 tokens and were "
            "cut\n");
}

TEST(ColbertCommands, SearchRerankOrdersByMaxSim) {
  const test::TempDir dir;
  const std::string texts =
      dir.Write("texts.txt", "water, and stone\na map of the city\nthe river\n").string();
  const std::string index = (dir.path() / "index").string();
  OutputOf({"index", "build", index, "--input", texts});
  const auto found = Parse(OutputOf({"search", index, "a map", "--rerank", kColbert, "--top-k", "2",
                                     "--output-format", "jsonl"}));
  const auto hits = found->root().At("hits").Elements();
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_GE(hits[0].At("score").AsDouble(), hits[1].At("score").AsDouble());
  for (const json::Value& hit : hits) {
    EXPECT_NEAR(hit.At("score").AsDouble(),
                MaxSimOf("a map", std::string(hit.At("text").AsString())), 1e-5);
  }
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
