// bge embed --resume: runs that are cut off anywhere give the file of one run.
#include "apps/run_program.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::HasSubstr;

const std::string kModel = std::string(BGE_TEST_DATA_DIR) + "/models/tiny-bert";

std::string ReadWhole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string TextsOf(int count) {
  std::string texts;
  for (int i = 0; i < count; ++i) {
    texts += "text number " + std::to_string(i) + " of many words that are all alike\n";
  }
  return texts;
}

class Resume : public ::testing::TestWithParam<std::string> {
 protected:
  std::vector<std::string> Arguments(const std::string& output, bool resume) const {
    std::vector<std::string> arguments = {"embed",    "--model", kModel,      "--input", input_,
                                          "--output", output,    "--threads", "1"};
    if (resume) arguments.emplace_back("--resume");
    return arguments;
  }

  test::TempDir folder_;
  std::string input_ = folder_.Write("texts.txt", TextsOf(100000)).string();
  std::string output_ = (folder_.path() / "vectors").string() + "." + GetParam();
};

TEST_P(Resume, AKilledRunGoesOnWhereItStopped) {
  const std::string whole = (folder_.path() / "whole").string() + "." + GetParam();
  ASSERT_EQ(RunBge(Arguments(whole, false)).status, 0);
  std::mt19937 random(7);
  int kills = 0;
  int kept = 0;  // runs that began with a checkpoint
  for (int i = 0; i < 8; ++i) {
    if (std::filesystem::exists(output_ + ".part.json")) ++kept;
    RunningBge program(Arguments(output_, true));
    // A checkpoint takes a second.
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % 1500));
    program.Signal(SIGKILL);
    if (program.Wait() == 0) break;
    ++kills;
    EXPECT_FALSE(std::filesystem::exists(output_)) << "a part under the name of the whole";
  }
  const ProgramResult rest = RunBge(Arguments(output_, true));
  EXPECT_EQ(rest.status, 0) << rest.err;
  EXPECT_EQ(ReadWhole(output_), ReadWhole(whole));
  EXPECT_FALSE(std::filesystem::exists(output_ + ".part"));
  EXPECT_FALSE(std::filesystem::exists(output_ + ".part.json"));
  EXPECT_GT(kills, 0);
  RecordProperty("kills", kills);
  RecordProperty("kept", kept);
}

INSTANTIATE_TEST_SUITE_P(Formats, Resume, ::testing::Values("npy", "jsonl"),
                         [](const auto& suite) { return suite.param; });

class ResumeErrors : public ::testing::Test {
 protected:
  // A part with a state as a killed run leaves them.
  ResumeErrors() {
    RunningBge program(Arguments());
    for (int i = 0; i < 200 && !std::filesystem::exists(output_ + ".part.json"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    program.Signal(SIGKILL);
    program.Wait();
  }

  std::vector<std::string> Arguments(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"embed", "--model",  kModel,  "--input",
                                          input_,  "--output", output_, "--threads",
                                          "1",     "--resume"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  void ExpectRefused(const std::vector<std::string>& more, const std::string& words) {
    const ProgramResult result = RunBge(Arguments(more));
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.err, HasSubstr(words));
    EXPECT_TRUE(std::filesystem::exists(output_ + ".part")) << "the part is gone";
  }

  test::TempDir folder_;
  std::string input_ = folder_.Write("texts.txt", TextsOf(100000)).string();
  std::string output_ = (folder_.path() / "vectors.jsonl").string();
};

TEST_F(ResumeErrors, OtherSettingsTextsAndDamageAreRefused) {
  ASSERT_TRUE(std::filesystem::exists(output_ + ".part.json"));
  ExpectRefused({"--query"}, "had vectors");
  ExpectRefused({"--truncate-dim", "8"}, "had dimension \"32\", this one has \"8\"");
  ExpectRefused({"--with-text"}, "had with text \"no\", this one has \"yes\"");
  ExpectRefused({"--output-format", "f32"}, "had output format");
  ExpectRefused({"--instruction", "x"}, "this one has");

  const std::string texts = ReadWhole(input_);
  folder_.Write("texts.txt", "another text\n" + texts.substr(texts.find('\n') + 1));
  ExpectRefused({}, "are not those of the run that is to go on");
  folder_.Write("texts.txt", "one text\n");
  ExpectRefused({}, "found 1 texts, but an earlier run had");
  folder_.Write("texts.txt", texts);

  const std::string state = ReadWhole(output_ + ".part.json");
  for (const char* damaged : {"", "{}", "[1]", "{\"format\":\"x\"}",
                              "{\"format\":\"bge-embed-part\",\"version\":1,\"settings\":{}}"}) {
    folder_.Write("vectors.jsonl.part.json", damaged);
    ExpectRefused({}, "vectors.jsonl.part");
  }
  folder_.Write("vectors.jsonl.part.json", state);
  const std::string part = ReadWhole(output_ + ".part");
  folder_.Write("vectors.jsonl.part", part.substr(0, 10));
  ExpectRefused({}, "found 10 bytes, expected");
}

TEST_F(ResumeErrors, GoesWithAFileOfDenseVectors) {
  const auto usage = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"embed", "--model", kModel, "--resume", "a"});
    return RunBge(arguments).status;
  };
  EXPECT_EQ(usage({}), 2);
  EXPECT_EQ(usage({"--output", "-"}), 2);
  EXPECT_EQ(usage({"--output", output_, "--return", "dense"}), 2);
  EXPECT_EQ(usage({"--output", (folder_.path() / "x.npz").string()}), 2);
}

}  // namespace
}  // namespace bge::cli
