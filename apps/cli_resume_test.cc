// bge embed --resume: runs that are cut off anywhere give the file of one run.
#include "apps/run_program.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

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

// So short that all of it is still buffered at the end.
TEST_P(Resume, AShortRunGivesWhatOneWithoutTheOptionDoes) {
  const std::string whole = (folder_.path() / "whole").string() + "." + GetParam();
  for (const int count : {0, 1, 3000}) {
    SCOPED_TRACE(count);
    folder_.Write("texts.txt", TextsOf(count));
    ASSERT_EQ(RunBge(Arguments(whole, false)).status, 0);
    std::filesystem::remove(output_);
    const ProgramResult result = RunBge(Arguments(output_, true));
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(ReadWhole(output_), ReadWhole(whole));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Resume, ::testing::Values("npy", "jsonl", "f32", "txt"),
                         [](const auto& suite) { return suite.param; });

class ResumeErrors : public ::testing::Test {
 protected:
  // A part with a state as a killed run leaves them.
  ResumeErrors() {
    RunningBge program(Arguments());
    const auto has_rows = [this] {
      const std::string state = ReadWhole(output_ + ".part.json");
      return !state.empty() && state.find("\"rows\":0,") == std::string::npos;
    };
    for (int i = 0; i < 400 && !has_rows(); ++i) {
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

  // Other weights under the same name: of a row that the probe does not touch.
  const std::string model = (folder_.path() / "models/tiny-bert").string();
  std::filesystem::create_directories(folder_.path() / "models");
  std::filesystem::copy(kModel, model, std::filesystem::copy_options::recursive);
  std::string weights = ReadWhole(model + "/model.safetensors");
  weights.back() = static_cast<char>(weights.back() ^ 1);
  folder_.Write("models/tiny-bert/model.safetensors", weights);
  std::vector<std::string> arguments = Arguments();
  arguments[2] = model;
  const ProgramResult other = RunBge(arguments);
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("had fingerprint"));

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

TEST_F(ResumeErrors, OneRunAtATime) {
  // A run writes the state anew as soon as it holds the lock: another file under the same name.
  const auto state_file = [this] {
    struct stat info = {};
    return ::stat((output_ + ".part.json").c_str(), &info) == 0 ? info.st_ino : 0;
  };
  const auto before = state_file();
  ASSERT_NE(before, 0u);
  RunningBge first(Arguments());
  for (int i = 0; i < 20000 && state_file() == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  first.Signal(SIGSTOP);  // so that it cannot end before the second has begun
  ASSERT_NE(state_file(), before);
  for (const auto& more : {std::vector<std::string>{}, {"--query"}}) {
    const ProgramResult second = RunBge(Arguments(more));
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.err, HasSubstr("another run is writing it"));
  }
  first.Signal(SIGCONT);
  EXPECT_EQ(first.Wait(), 0);
}

// What else may lie under the names that a run takes.
class ResumeNames : public ::testing::Test {
 protected:
  ProgramResult Run(const std::string& input, const std::string& output) const {
    return RunBge({"embed", "--model", kModel, "--input", input, "--format", "lines", "--resume",
                   "--output", output});
  }
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  test::TempDir folder_;
  std::string input_ = folder_.Write("texts.txt", "a\nb\nc\n").string();
};

TEST_F(ResumeNames, TheInputIsNotWrittenUnderAnyName) {
  for (const char* end : {"", ".part", ".part.json"}) {
    const std::string input = folder_.Write(std::string("out.npy") + end, "a\nb\n").string();
    const ProgramResult result = Run(input, Path("out.npy"));
    EXPECT_EQ(result.status, 2) << end;
    EXPECT_EQ(ReadWhole(input), "a\nb\n") << end;
    std::filesystem::remove(input);
  }
}

TEST_F(ResumeNames, AFileOfSomebodyElseIsLeftAlone) {
  folder_.Write("v.npy.part", "precious");
  const ProgramResult result = Run(input_, Path("v.npy"));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("a file that no run with --resume has begun"));
  EXPECT_EQ(ReadWhole(Path("v.npy.part")), "precious");
  EXPECT_FALSE(std::filesystem::exists(Path("v.npy.part.json")));
}

// One that another user has put there would keep it. (Where CI runs it is root; others have no way
// to make such a file.)
TEST_F(ResumeNames, APartOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make files of others";
  const std::string part = folder_.Write("v.npy.part", "").string();
  ASSERT_EQ(::chown(part.c_str(), 65534, 65534), 0);
  const ProgramResult result = Run(input_, Path("v.npy"));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("not a file of this user's alone: " + part));
  std::filesystem::remove(part);
  // Nor a second name of one of this user's.
  std::filesystem::create_hard_link(folder_.Write("mine", ""), part);
  EXPECT_THAT(Run(input_, Path("v.npy")).err, HasSubstr("not a file of this user's alone"));
}

TEST_F(ResumeNames, PermissionsAndLinksStay) {
  folder_.Write("real/v.npy", "old");
  std::filesystem::permissions(
      Path("real/v.npy"), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::create_symlink("real/v.npy", Path("v.npy"));
  EXPECT_EQ(Run(input_, Path("v.npy")).status, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(Path("v.npy")));
  EXPECT_GT(std::filesystem::file_size(Path("real/v.npy")), 128u);
  struct stat info = {};
  ASSERT_EQ(::stat(Path("real/v.npy").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

// As after a death between the rename and the removal of the state.
TEST_F(ResumeNames, AStateWithoutItsPartIsOver) {
  ASSERT_EQ(Run(input_, Path("v.npy")).status, 0);
  const std::string whole = ReadWhole(Path("v.npy"));
  RunningBge unfinished({"embed", "--model", kModel, "--input", "-", "--format", "lines",
                         "--resume", "--output", Path("w.npy")});
  for (int i = 0; i < 200 && !std::filesystem::exists(Path("w.npy.part.json")); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  unfinished.Signal(SIGKILL);
  unfinished.Wait();
  ASSERT_TRUE(std::filesystem::exists(Path("w.npy.part.json")));
  std::filesystem::remove(Path("w.npy.part"));
  EXPECT_EQ(Run(input_, Path("w.npy")).status, 0);
  EXPECT_EQ(ReadWhole(Path("w.npy")), whole);
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
