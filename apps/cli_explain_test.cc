// --explain: every setting in force, and where it came from.
#include "apps/run_program.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kModel = std::string(BGE_TEST_DATA_DIR) + "/models/tiny-bert";

std::string Explained(std::vector<std::string> options) {
  std::vector<std::string> arguments = {"embed", "--model", kModel, "--explain", "a"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const ProgramResult result = RunBge(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.err;
}

TEST(Explain, SaysWhatIsInForceAndWhereItCameFrom) {
  const std::string plain = Explained({});
  EXPECT_THAT(plain, HasSubstr("texts without a role"));
  EXPECT_THAT(plain, HasSubstr("in front     nothing"));
  EXPECT_THAT(plain, HasSubstr("64 tokens  (sentence_bert_config.json max_seq_length)"));
  EXPECT_THAT(plain, HasSubstr("cls  (1_Pooling/config.json)"));
  EXPECT_THAT(plain, HasSubstr("length 1     yes  (the model's Normalize module)"));
  EXPECT_THAT(plain, HasSubstr("dimension    32  (the model)"));
  EXPECT_THAT(plain, HasSubstr("computed in  float32"));

  const std::string changed =
      Explained({"--query", "--max-length", "12", "--pooling", "mean", "--truncate-dim", "8",
                 "--no-normalize", "--dtype", "bf16"});
  EXPECT_THAT(changed, HasSubstr("queries  (--query)"));
  EXPECT_THAT(changed, HasSubstr("in front     \"query: \"  (config_sentence_transformers.json"));
  EXPECT_THAT(changed, HasSubstr("12 tokens  (--max-length)"));
  EXPECT_THAT(changed, HasSubstr("mean  (--pooling)"));
  EXPECT_THAT(changed, HasSubstr("dimension    8  (--truncate-dim)"));
  EXPECT_THAT(changed, HasSubstr("no: vectors are not scaled  (--no-normalize)"));
  EXPECT_THAT(Explained({"--instruction", "find: "}),
              HasSubstr("in front     \"find: \"  (--instruction)"));
  EXPECT_THAT(Explained({"--prompt-name", "passage"}),
              HasSubstr("in front     \"passage: \"  (--prompt-name passage)"));
}

TEST(Explain, IsSilentWithoutTheOption) {
  const ProgramResult result = RunBge({"embed", "--model", kModel, "a"});
  EXPECT_EQ(result.err, "");
}

TEST(Explain, KnowsWhatAnIndexDecides) {
  const test::TempDir folder;
  const std::string texts = folder.Write("texts.txt", "a\nb\n").string();
  const std::string index = (folder.path() / "index").string();
  const ProgramResult built = RunBge({"index", "build", index, "--model", kModel, "--input", texts,
                                      "--max-length", "12", "--pooling", "mean", "--explain"});
  EXPECT_EQ(built.status, 0) << built.err;
  EXPECT_THAT(built.err, HasSubstr("documents  (the command)"));
  EXPECT_THAT(built.err, HasSubstr("12 tokens  (--max-length)"));
  const ProgramResult found = RunBge({"search", index, "a", "--explain"});
  EXPECT_EQ(found.status, 0) << found.err;
  EXPECT_THAT(found.err, HasSubstr("queries  (the command)"));
  EXPECT_THAT(found.err, HasSubstr("12 tokens  (the index)"));
  EXPECT_THAT(found.err, HasSubstr("mean  (the index)"));
  EXPECT_THAT(found.out, Not(HasSubstr("the index")));
}

TEST(Explain, SaysWhatAnIndexThatIsAddedToDecides) {
  const test::TempDir folder;
  const std::string texts = folder.Write("texts.txt", "a\nb\n").string();
  const std::string index = (folder.path() / "index").string();
  // Built without --model: the environment's.
  const ProgramResult built =
      RunBge({"index", "build", index, "--input", texts, "--instruction", "about: ", "--explain"});
  EXPECT_EQ(built.status, 0) << built.err;
  EXPECT_THAT(built.err, HasSubstr("($BGE_MODEL)"));
  EXPECT_THAT(built.err, HasSubstr("in front     \"about: \"  (--instruction)"));
  EXPECT_THAT(built.err, HasSubstr("(the default: int8 where the weights are, else float32)"));
  EXPECT_THAT(built.err, Not(HasSubstr("similarity, dot")));
  const ProgramResult added = RunBge({"index", "add", index, "--input", texts, "--explain"});
  EXPECT_EQ(added.status, 0) << added.err;
  for (const char* line : {"documents  (the index)", "in front     \"about: \"  (the index)",
                           "computed in  float32  (the index)"}) {
    EXPECT_THAT(added.err, HasSubstr(line));
  }
  const ProgramResult typed =
      RunBge({"index", "add", index, "--input", texts, "--dtype", "int8", "--explain"});
  EXPECT_THAT(typed.err, HasSubstr("computed in  int8  (--dtype)"));

  const std::string prompted = (folder.path() / "prompted").string();
  ASSERT_EQ(
      RunBge({"index", "build", prompted, "--input", texts, "--prompt-name", "passage"}).status, 0);
  EXPECT_THAT(RunBge({"index", "add", prompted, "--input", texts, "--explain"}).err,
              HasSubstr("(the index: prompt passage)"));
}

}  // namespace
}  // namespace bge::cli
