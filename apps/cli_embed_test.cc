// bge embed, run as a user runs it: the files and streams that it writes, and what it leaves.
#include "apps/npy_reader.h"
#include "apps/run_program.h"
#include "apps/test_program_output.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<float> EmbeddingOf(const std::string& line) {
  const auto document = json::Document::Parse(line, "line");
  std::vector<float> vector;
  document->root().At("embedding").ForEachElement([&](const json::Value& value) {
    vector.push_back(static_cast<float>(value.AsDouble()));
  });
  return vector;
}

TEST(Embed, TakesArgumentsLiterally) {
  // CLI11 would split what is in brackets, and commands are not texts.
  const ProgramResult result = RunBge({"embed", "--with-text", "[a, b]", "[MASK]", "", "embed",
                                       "index", "{}", "--", "-5 degrees", "--help"});
  ASSERT_EQ(result.status, 0) << result.err;
  std::vector<std::string> texts;
  for (const std::string& line : Lines(result.out)) {
    const auto document = json::Document::Parse(line, "line");
    texts.emplace_back(document->root().At("text").AsString());
  }
  EXPECT_THAT(texts,
              ElementsAre("[a, b]", "[MASK]", "", "embed", "index", "{}", "-5 degrees", "--help"));
  const ProgramResult literal = RunBge({"embed", "a", "--instruction", "[x]"});
  EXPECT_EQ(literal.out, RunBge({"embed", "[x]a"}).out);
}

TEST(Embed, WritesTheSameNumbersInEveryFormat) {
  const test::TempDir dir;
  const std::string input = "one\ntwo words\r\n\nlast";
  const auto path = [&](const char* name) { return (dir.path() / name).string(); };
  const std::string corpus = dir.Write("corpus.txt", input).string();
  for (const char* const name : {"v.npy", "v.jsonl", "v.f32", "v.txt"}) {
    const ProgramResult result = RunBge({"embed", "-i", corpus, "-o", path(name)});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, IsEmpty());
  }
  const NpyMatrix matrix = NpyMatrix::Open(path("v.npy"));
  ASSERT_EQ(matrix.rows(), 4);
  const auto dimension = static_cast<size_t>(matrix.columns());
  const std::string raw = ReadFile(path("v.f32"), 1 << 20);
  ASSERT_EQ(raw.size(), 4 * dimension * sizeof(float));
  const auto jsonl = Lines(ReadFile(path("v.jsonl"), 1 << 20));
  const auto text = Lines(ReadFile(path("v.txt"), 1 << 20));
  ASSERT_EQ(jsonl.size(), 4u);
  ASSERT_EQ(text.size(), 4u);
  for (size_t row = 0; row < 4; ++row) {
    std::vector<float> expected(dimension);
    matrix.ReadRow(static_cast<int64_t>(row), expected);
    EXPECT_EQ(std::memcmp(raw.data() + row * dimension * 4, expected.data(), dimension * 4), 0);
    EXPECT_EQ(EmbeddingOf(jsonl[row]), expected);
    std::istringstream numbers(text[row]);
    for (const float value : expected) {
      std::string word;
      numbers >> word;
      EXPECT_EQ(std::stof(word), value);
    }
  }
  // Standard input and output: the same again.
  EXPECT_EQ(RunBge({"embed"}, {.input = input}).out, ReadFile(path("v.jsonl"), 1 << 20));
  EXPECT_EQ(RunBge({"embed", "-", "-o", "-"}, {.input = input}).out,
            ReadFile(path("v.jsonl"), 1 << 20));
  EXPECT_EQ(RunBge({"embed", "-i", "-", "--output-format", "f32"}, {.input = input}).out, raw);
  EXPECT_EQ(RunBge({"embed", "--output-format", "npy"}, {.input = input}).out,
            ReadFile(path("v.npy"), 1 << 20));
}

TEST(Embed, KeepsOrderOverManyChunks) {
  // More texts than a chunk holds; each text's vector must be the one that it has alone.
  std::string input;
  for (int i = 0; i < 5000; ++i) input += "text number " + std::to_string(i) + "\n";
  const auto lines = Lines(RunBge({"embed"}, {.input = input}).out);
  ASSERT_EQ(lines.size(), 5000u);
  for (const size_t i : {0u, 1u, 2047u, 2048u, 4095u, 4999u}) {
    const auto alone = EmbeddingOf(RunBge({"embed", "text number " + std::to_string(i)}).out);
    const auto found = EmbeddingOf(lines[i]);
    ASSERT_EQ(found.size(), alone.size());
    for (size_t d = 0; d < found.size(); ++d) EXPECT_NEAR(found[d], alone[d], 1e-6) << i;
  }
}

TEST(Embed, CarriesIds) {
  const ProgramResult result = RunBge(
      {"embed", "--format", "jsonl"},
      {.input = "{\"_id\": \"d1\", \"title\": \"t\", \"text\": \"x\"}\n{\"text\": \"t x\"}\n"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto lines = Lines(result.out);
  EXPECT_THAT(lines[0], StartsWith("{\"_id\":\"d1\",\"embedding\":["));
  EXPECT_THAT(lines[1], StartsWith("{\"embedding\":["));
  EXPECT_EQ(EmbeddingOf(lines[0]), EmbeddingOf(lines[1]));
}

TEST(Embed, AppliesRolesAndPrompts) {
  const std::string plain = RunBge({"embed", "x"}).out;
  const std::string query = RunBge({"embed", "x", "--query"}).out;
  EXPECT_NE(query, plain);
  EXPECT_EQ(query, RunBge({"embed", "query: x"}).out);
  EXPECT_EQ(query, RunBge({"embed", "x", "--prompt-name", "query"}).out);
  EXPECT_EQ(query, RunBge({"embed", "x", "--instruction", "query: "}).out);
  EXPECT_EQ(RunBge({"embed", "x", "--passage"}).out, RunBge({"embed", "passage: x"}).out);
  EXPECT_NE(RunBge({"embed", "x", "--pooling", "mean"}).out, plain);
  EXPECT_EQ(EmbeddingOf(RunBge({"embed", "x", "--truncate-dim", "5"}).out).size(), 5u);
  double norm = 0;
  for (const float v : EmbeddingOf(RunBge({"embed", "x", "--no-normalize"}).out)) norm += v * v;
  EXPECT_GT(std::abs(norm - 1), 1e-3);
}

TEST(Embed, ComputesInTheTypeThatIsAskedFor) {
  const std::vector<float> exact = EmbeddingOf(RunBge({"embed", "a text"}).out);
  for (const char* type : {"f32", "bf16", "int8", "auto"}) {
    const std::vector<float> v = EmbeddingOf(RunBge({"embed", "a text", "--dtype", type}).out);
    ASSERT_EQ(v.size(), exact.size());
    double dot = 0;
    for (size_t i = 0; i < v.size(); ++i) dot += double{v[i]} * double{exact[i]};
    EXPECT_GT(dot, 0.99) << type;
  }
  ExpectUsageError(RunBge({"embed", "a", "--dtype", "fp4"}), "--dtype");
}

TEST(Embed, ReportsTruncatedTexts) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "word ";
  const ProgramResult result = RunBge({"embed", "--max-length", "16", "short", text, text});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "bge: warning: 2 of 3 texts were longer than 16 tokens and were cut\n");
  EXPECT_EQ(Lines(result.out).size(), 3u);
  EXPECT_THAT(RunBge({"embed", "short"}).err, IsEmpty());
}

TEST(Embed, WritesNothingWhenARecordIsBad) {
  const test::TempDir dir;
  const std::string corpus = dir.Write("c.jsonl", "{\"text\": \"a\"}\n{\"text\": 1}\n").string();
  const std::string output = dir.Write("v.npy", "what was there").string();
  const ProgramResult result = RunBge({"embed", "-i", corpus, "-o", output});
  ExpectFailure(result, "c.jsonl: line 2");
  EXPECT_EQ(ReadFile(output, 100), "what was there");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 2);
}

TEST(Embed, GivesUtf8ForAnyInput) {
  const ProgramResult result =
      RunBge({"embed", "--with-text"}, {.input = std::string("\xFF\xC3\x00 \xED\xA0\x80\n", 8)});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto document = json::Document::Parse(Lines(result.out)[0], "line");
  EXPECT_THAT(document->root().At("text").AsString(), HasSubstr("\xEF\xBF\xBD"));
}

TEST(Embed, AcceptsNoTexts) {
  const ProgramResult result = RunBge({"embed"}, {.input = ""});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, IsEmpty());
  const test::TempDir dir;
  const std::string output = (dir.path() / "v.npy").string();
  EXPECT_EQ(RunBge({"embed", "-o", output}, {.input = ""}).status, 0);
  EXPECT_EQ(NpyMatrix::Open(output).rows(), 0);
}

TEST(Embed, RefusesNpyInAPipe) {
  RunningBge program({"embed", "x", "--output-format", "npy"});
  EXPECT_EQ(program.ReadLine(), "");
  EXPECT_EQ(program.Wait(), 2);
}

// (/dev/full is Linux's; where there is none no disk can be filled without rights.)
TEST(Embed, SaysWhenTheDiskIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  ExpectFailure(RunBge({"embed", "x", "-o", "/dev/full", "--output-format", "f32"}), "/dev/full");
}

TEST(Embed, RefusesWhatWouldBeReadWrongly) {
  const test::TempDir folder;
  const std::string utf16 = folder
                                .Write("u16.txt", std::string("\xff\xfe"
                                                              "a\0\n\0",
                                                              6))
                                .string();
  ExpectFailure(RunBge({"embed", "--input", utf16}), "UTF-16");
  const std::string lines = folder.Write("s.txt", "{\"text\": \"a\"}\n").string();
  ExpectUsageError(RunBge({"embed", "--input", lines, "--field", "text"}), "--field text");
  ExpectUsageError(RunBge({"embed", "a", "--with-text", "-o", (folder.path() / "a.npy").string()}),
                   "--with-text");
  const std::string large =
      folder.Write("ids.jsonl", "{\"text\":\"a\",\"_id\":9223372036854775808}\n").string();
  ExpectFailure(RunBge({"embed", "--input", large}), "no integer of 64 bits");
}

// Of a pipe, and of a file that something is to be added to.
TEST(Embed, WritesToDescriptorsByTheirPaths) {
  const test::TempDir folder;
  const std::string plain = RunBge({"embed", "a", "--output-format", "jsonl"}).out;
  const std::string link = (folder.path() / "link").string();
  std::filesystem::create_symlink("/dev/stdout", link);
  for (const std::string& path :
       {std::string("/dev/stdout"), std::string("/dev/fd/1"), std::string("/proc/self/fd/1"),
        std::string("//dev/./stdout"), std::string("/proc/thread-self/fd/1"), link}) {
    EXPECT_EQ(RunBge({"embed", "a", "--output-format", "jsonl", "-o", path}).out, plain) << path;
    ExpectFailure(RunBge({"embed", "a", "--resume", "-o", path, "--output-format", "jsonl"}),
                  "give --resume another --output");
    const std::string file = folder.Write("file", "before\n").string();
    const std::string command =
        std::string(BGE_CLI " embed a --output-format jsonl --model " BGE_TEST_DATA_DIR
                            "/models/tiny-bert -o ") +
        path + " >> '" + file + "'";
    EXPECT_EQ(std::system(command.c_str()), 0);
    EXPECT_EQ(ReadFile(file, 1 << 20), "before\n" + plain) << path;
    EXPECT_FALSE(std::filesystem::exists(file + ".bge.json"));
  }
  const std::string file = folder.Write("file", "before\n").string();
  const std::string of_another = "exec >> '" + file + "'; " +
                                 BGE_CLI " embed a --output-format jsonl --model " +
                                 BGE_TEST_DATA_DIR "/models/tiny-bert -o /proc/$$/fd/1; true";
  EXPECT_EQ(std::system(of_another.c_str()), 0);
  EXPECT_EQ(ReadFile(file, 1 << 20), "before\n" + plain);
  ExpectFailure(RunBge({"embed", "a", "--output-format", "jsonl", "-o", "/dev/fd/999"}),
                "/dev/fd/999");
}

// (Where CI runs it is root; others have no way to make such a link.)
TEST(Embed, FollowsNoLinkOfAnotherInASharedFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make files of others";
  const test::TempDir folder;
  const std::filesystem::path shared = folder.path() / "shared";
  std::filesystem::create_directory(shared);
  ASSERT_EQ(::chmod(shared.c_str(), 01777), 0);
  const std::string victim = folder.Write("victim", "precious").string();
  const std::string link = (shared / "v.f32").string();
  std::filesystem::create_symlink(victim, link);
  const std::vector<std::string> arguments = {"embed", "a", "-o", link, "--output-format", "f32"};
  ASSERT_EQ(::lchown(link.c_str(), 65534, 65534), 0);
  ExpectFailure(RunBge(arguments), "a link of another user in a folder that all may write");
  auto resumed = arguments;
  resumed.emplace_back("--resume");
  ExpectFailure(RunBge(resumed), "a link of another user");
  EXPECT_EQ(ReadFile(victim, 100), "precious");
  ASSERT_EQ(::lchown(link.c_str(), 0, 0), 0);
  EXPECT_EQ(RunBge(arguments).status, 0);
}

TEST(Embed, FollowsALinkToWhatIsNotThereYet) {
  const test::TempDir folder;
  std::filesystem::create_directory(folder.path() / "real");
  std::filesystem::create_symlink("real/v.npy", folder.path() / "link.npy");
  for (const bool resume : {false, true}) {
    std::vector<std::string> arguments = {"embed", "-o", (folder.path() / "link.npy").string()};
    if (resume) arguments.emplace_back("--resume");
    ProgramOptions options;
    options.input = "a\n";
    EXPECT_EQ(RunBge(arguments, options).status, 0);
    EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "link.npy"));
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "real/v.npy"));
    std::filesystem::remove(folder.path() / "real/v.npy");
  }
}

TEST(Embed, AnswersASlowPipeAtOnce) {
  RunningBge program({"embed"});
  program.Write("one\n");
  const std::string first = program.ReadLine();
  EXPECT_THAT(first, StartsWith("{\"embedding\":["));
  program.Write("two\nthr");
  const std::string second = program.ReadLine();
  EXPECT_NE(second, first);
  program.Write("ee");
  program.CloseInput();
  EXPECT_THAT(program.ReadLine(), StartsWith("{\"embedding\":["));
  EXPECT_EQ(program.ReadLine(), "");
  EXPECT_EQ(program.Wait(), 0);
}

TEST(Embed, EndsQuietlyWhenTheReaderIsGone) {
  RunningBge program({"embed"});
  program.Write("one\n");
  EXPECT_THAT(program.ReadLine(), StartsWith("{"));
  program.CloseOutput();
  program.Write("two\n");
  // Standard input stays open: the program must not wait for more of it.
  EXPECT_EQ(program.Wait(), 128 + SIGPIPE);
}

TEST(Embed, LeavesNoFileBeyondTheLimitOnFileSizes) {
  const test::TempDir dir;
  const std::string output = (dir.path() / "v.f32").string();
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 16;  // bytes: less than a vector
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  // The program inherits the limit; its standard output and error are files too, so pipes.
  RunningBge program({"embed", "one", "-o", output});
  const int status = program.Wait();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status, 1);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(Embed, LeavesNoFileWhenInterrupted) {
  const test::TempDir dir;
  const std::string output = (dir.path() / "v.f32").string();
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    RunningBge program({"embed", "-o", output});
    program.Write("one\n");
    // The temporary file is there from the beginning on.
    while (std::filesystem::is_empty(dir.path())) usleep(1000);
    program.Signal(signal_number);
    EXPECT_EQ(program.Wait(), 128 + signal_number);
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  }
}

}  // namespace
}  // namespace bge::cli
