// bge quantize, run as a user runs it.
#include "apps/run_program.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <utility>

namespace bge::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kModel = BGE_TEST_DATA_DIR "/models/tiny-bert";

class QuantizeCommand : public testing::Test {
 protected:
  const test::TempDir dir_;
  const std::string out_ = (dir_.path() / "out").string();
};

TEST_F(QuantizeCommand, WritesAModelThatEveryCommandReads) {
  const ProgramResult result = RunBge({"quantize", kModel, out_});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, AllOf(StartsWith("bge: " + out_ + ": 21 matrices as int8, "),
                                HasSubstr(" MB of weights instead of "), EndsWith(" files\n")));
  const ProgramResult info = RunBge({"info", out_, "--json"});
  ASSERT_EQ(info.status, 0) << info.err;
  const auto document = json::Document::Parse(info.out, "info");
  EXPECT_EQ(document->root().At("weights_dtype").AsString(), "int8");
  const std::string corpus = dir_.Write("corpus.txt", "one\ntwo\n").string();
  const std::string index = (dir_.path() / "index").string();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"embed", "--model", out_, "a text"},
           {"embed", "--model", out_, "--dtype", "f32", "a text"},
           {"embed", "--model", out_, "--dtype", "auto", "a text"},
           {"similarity", "--model", out_, "a", "b"},
           {"tokenize", "--model", out_, "a"},
           {"index", "build", index, "--model", out_, "--input", corpus},
           {"search", index, "one"}}) {
    const ProgramResult each = RunBge(arguments);
    EXPECT_EQ(each.status, 0) << arguments[0] << ": " << each.err;
  }
}

TEST_F(QuantizeCommand, WritesHalves) {
  for (const auto& [type, name] :
       {std::pair<std::string, std::string>{"bf16", "bfloat16"}, {"f16", "float16"}}) {
    const std::string out = out_ + type;
    ASSERT_EQ(RunBge({"quantize", kModel, out, "--dtype", type}).status, 0);
    EXPECT_THAT(RunBge({"info", out}).out, HasSubstr("(" + name + ")"));
    EXPECT_THAT(ReadFile(out + "/config.json", 1 << 20), HasSubstr(": \"" + name + "\""));
  }
}

TEST_F(QuantizeCommand, SaysWhatIsWrong) {
  const auto expect = [&](const std::vector<std::string>& arguments, int status,
                          const std::string& part) {
    const ProgramResult result = RunBge(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_THAT(result.err, AllOf(StartsWith("bge: error: "), HasSubstr(part)));
  };
  expect({"quantize", kModel}, 2, "OUT is required");
  expect({"quantize", kModel, out_, "--dtype", "int4"}, 2, "--dtype");
  expect({"quantize", "no/such/model", out_}, 1, "no/such/model");
  expect({"quantize", "some-org/some-model", out_}, 1, "hf download some-org/some-model");
  dir_.Write("out/file", "mine");
  expect({"quantize", kModel, out_}, 1, "out: the directory is not empty: give another name");
  EXPECT_EQ(ReadFile(out_ + "/file", 10), "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), {}), 1);
}

TEST_F(QuantizeCommand, LeavesNothingBeyondTheLimitOnFileSizes) {
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 8000;  // bytes: less than the weights
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  RunningBge program({"quantize", kModel, out_});
  const int status = program.Wait();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status, 1);
  EXPECT_TRUE(fs::is_empty(dir_.path()));
}

TEST_F(QuantizeCommand, LeavesNothingWhenInterrupted) {
  // A file that takes a while to copy: a hole of 2 GB.
  const test::TempDir elsewhere;
  const fs::path model = elsewhere.path() / "model";
  fs::copy(kModel, model, fs::copy_options::recursive);
  fs::resize_file(elsewhere.Write("model/a.txt", ""), uint64_t{2} << 30);
  for (const int signal_number : {SIGINT, SIGTERM}) {
    RunningBge program({"quantize", model.string(), out_});
    while (fs::is_empty(dir_.path())) usleep(1000);
    program.Signal(signal_number);
    EXPECT_EQ(program.Wait(), 128 + signal_number);
    EXPECT_TRUE(fs::is_empty(dir_.path()));
  }
}

TEST_F(QuantizeCommand, EmptyNamesAreWrongUsage) {
  for (const auto& [model, out] : {std::pair<std::string, std::string>{"", out_}, {kModel, ""}}) {
    const ProgramResult result = RunBge({"quantize", model, out});
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(
        result.err,
        StartsWith("bge: error: empty name: " + std::string(out.empty() ? "OUT" : "MODEL") + ": "));
  }
  EXPECT_TRUE(fs::is_empty(dir_.path()));
  const ProgramResult stream = RunBge({"quantize", kModel, "-"});
  EXPECT_EQ(stream.status, 2);
  EXPECT_THAT(stream.err, StartsWith("bge: error: no output stream: OUT: "));
}

}  // namespace
}  // namespace bge::cli
