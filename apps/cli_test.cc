// The built command, run as a user runs it: what it prints, where, and its exit status.
#include "bge/version.h"

#include "apps/commands.h"
#include "apps/run_program.h"
#include "apps/test_program_output.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace bge::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// ---- help and usage

TEST(Cli, PrintsHelpForEveryCommand) {
  const ProgramResult all = RunBge({"--help"});
  EXPECT_EQ(all.status, 0);
  EXPECT_THAT(all.err, IsEmpty());
  for (const Command& command : Commands()) {
    EXPECT_THAT(all.out, HasSubstr("\n  " + std::string(command.name) + " "));
    const ProgramResult help = RunBge({std::string(command.name), "--help"});
    EXPECT_EQ(help.status, 0) << command.name;
    EXPECT_THAT(help.err, IsEmpty());
    EXPECT_THAT(help.out, AllOf(HasSubstr("Usage: bge " + std::string(command.name)),
                                HasSubstr("Examples:\n")));
    for (const std::string& line : Lines(help.out)) {
      EXPECT_LE(line.size(), 100u) << command.name << ": " << line;
    }
  }
}

// The part of docs/cli.md under the heading of a command.
std::string DocumentationOf(const std::string& command) {
  const std::string text = ReadFile(BGE_TEST_DATA_DIR "/../../docs/cli.md", 1 << 20);
  const std::string heading = "\n## bge " + command + "\n";
  const size_t begin = text.find(heading);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find("\n## ", begin + heading.size()) - begin);
}

// "--name" of every option in a help text.
std::vector<std::string> OptionsIn(const std::string& help) {
  std::vector<std::string> names;
  for (const std::string& line : Lines(help)) {
    if (!line.starts_with("  -")) continue;
    const size_t begin = line.find("--");
    names.push_back(line.substr(begin, line.find(' ', begin) - begin));
  }
  return names;
}

TEST(Cli, IsDocumentedOptionByOption) {
  std::vector<std::vector<std::string>> commands = {
      {"index", "build"}, {"index", "info"}, {"bench", "roof"}};
  for (const Command& command : Commands()) commands.push_back({std::string(command.name)});
  for (std::vector<std::string>& command : commands) {
    const std::string section = DocumentationOf(command[0]);
    ASSERT_THAT(section, Not(IsEmpty())) << command[0];
    command.push_back("--help");
    const auto options = OptionsIn(RunBge(command).out);
    ASSERT_THAT(options, ::testing::Contains("--help"));
    for (const std::string& option : options) {
      if (option == "--help") continue;
      // A backtick, the name, and a backtick or a space: not a part of a longer name.
      EXPECT_THAT(section, AnyOf(HasSubstr("`" + option + "`"), HasSubstr("`" + option + " "),
                                 HasSubstr("[" + option + "]")))
          << command[0];
    }
  }
}

// "--name" of every option that a paragraph of the documentation says a command shares.
std::vector<std::string> SharedOptionsIn(const std::string& section) {
  std::vector<std::string> names;
  const size_t begin = section.find("\nShared options: ");
  if (begin == std::string::npos) return names;
  std::istringstream words(section.substr(begin, section.find("\n\n", begin) - begin));
  for (std::string word; words >> word;) {
    if (word.starts_with("`--")) names.push_back(word.substr(1, word.find('`', 1) - 1));
  }
  return names;
}

TEST(Cli, HasEveryOptionThatItsDocumentationShares) {
  for (const Command& command : Commands()) {
    const std::string name(command.name);
    std::vector<std::string> options = OptionsIn(RunBge({name, "--help"}).out);
    for (const char* sub : {"build", "add", "roof"}) {
      const ProgramResult help = RunBge({name, sub, "--help"});
      if (help.status != 0) continue;
      const auto more = OptionsIn(help.out);
      options.insert(options.end(), more.begin(), more.end());
    }
    for (const std::string& shared : SharedOptionsIn(DocumentationOf(name))) {
      EXPECT_THAT(options, ::testing::Contains(shared)) << name;
    }
  }
}

TEST(Cli, PrintsTheVersion) {
  const ProgramResult result = RunBge({"--version"});
  EXPECT_EQ(result.status, 0);
  const std::vector<std::string> lines = Lines(result.out);
  ASSERT_GE(lines.size(), 4u);
  EXPECT_EQ(lines[0], "bge " + std::string(Version()));
  EXPECT_THAT(result.out, HasSubstr("kernels: "));
  for (const char* library : {"Highway 1.", "simdjson ", "{fmt} ", "Oniguruma 6.", "OpenSSL 3."}) {
    EXPECT_THAT(result.out, HasSubstr(library));
  }
}

TEST(Cli, ExplainsWrongUsage) {
  ExpectUsageError(RunBge({}), "no command: bge: see bge --help");
  ExpectUsageError(RunBge({"embedd"}), "unknown command: embedd: see bge --help");
  ExpectUsageError(RunBge({"embed", "a", "--nope"}), "--nope");
  ExpectUsageError(RunBge({"embed", "a", "--query", "--passage"}), "--query excludes --passage");
  ExpectUsageError(RunBge({"embed", "a", "--max-length", "many"}), "--max-length");
  ExpectUsageError(RunBge({"embed", "a", "--max-length", "0"}), "--max-length");
  ExpectUsageError(RunBge({"embed", "a", "--pooling", "sum"}), "--pooling");
  ExpectUsageError(RunBge({"embed", "a", "--instruction", "x", "--prompt-name", "y"}), "excludes");
  ExpectUsageError(RunBge({"embed", "a", "--input", "b.txt"}), "TEXT and --input");
  ExpectUsageError(RunBge({"embed", "a", "--format", "csv"}), "--format");
  ExpectUsageError(RunBge({"embed", "a", "--output", "x.parquet"}), "x.parquet");
  ExpectUsageError(RunBge({"similarity", "a"}), "one text");
  ExpectUsageError(RunBge({"tokenize", "--pair", "a"}), "odd number of texts");
  ExpectUsageError(RunBge({"tokenize", "--ids", "--json", "a"}), "excludes");
  ExpectUsageError(RunBge({"verify"}), "--against");
  ExpectUsageError(RunBge({"verify", "--against", "x.npy"}), "--texts");
  ExpectUsageError(RunBge({"verify", "--against", "x.f32", "--texts", "t"}), ".f32");
  ExpectUsageError(RunBge({"verify", "--against", "x", "--tolerance", "nan"}), "0 to 1e9");
  ExpectUsageError(RunBge({"verify", "--against", "x", "--tolerance", "-1"}), "0 to 1e9");
  ExpectUsageError(RunBge({"info", "a", "--model", "b"}), "excludes");
  ExpectUsageError(RunBge({"embed", "a", "--threads", "1025"}), "1024");
  ExpectUsageError(RunBge({"bench", "roof", "--threads", "1025"}), "1024");
  ExpectUsageError(RunBge({"index", "foo"}), "unknown command: bge index foo: see bge index");
  ExpectUsageError(RunBge({"index"}), "see bge index --help");
  ExpectUsageError(RunBge({"embed", "-i", "x.gz"}), "x.gz: decompress");
}

// As of a variable that is not set.
TEST(Cli, RefusesEmptyNames) {
  for (const char* option : {"--model", "--output", "--input", "--packed-cache"}) {
    ExpectUsageError(RunBge({"embed", "a", option, ""}), option);
  }
  const test::TempDir folder;
  const std::string texts = folder.Write("texts.txt", "a\n").string();
  ExpectUsageError(RunBge({"index", "build", "", "--input", texts}), "DIR");
  ExpectUsageError(RunBge({"search", "", "a"}), "DIR");
  ExpectUsageError(RunBge({"search", "x", "a", "--rerank", ""}), "--rerank");
  ExpectUsageError(RunBge({"info", ""}), "MODEL");
  EXPECT_EQ(RunBge({"embed", ""}).status, 0);  // a text may be
  EXPECT_EQ(RunBge({"embed", "a", "--instruction", ""}).status, 0);
}

TEST(Cli, OfAnOptionGivenTwiceTheLastCounts) {
  const ProgramResult one = RunBge({"embed", "a", "--truncate-dim", "4"});
  EXPECT_EQ(RunBge({"embed", "a", "--truncate-dim", "6", "--truncate-dim", "4"}).out, one.out);
  EXPECT_EQ(
      RunBge({"embed", "a", "-m", "/nonexistent", "-m", BGE_TEST_DATA_DIR "/models/tiny-bert"})
          .status,
      0);
  EXPECT_EQ(Lines(RunBge({"embed", "a", "b", "c"}).out).size(), 3u);
}

TEST(Cli, AnIndexIsFreeUntilThereIsATextToAdd) {
  const test::TempDir folder;
  const std::string texts = folder.Write("texts.txt", "a\nb\n").string();
  const std::string index = (folder.path() / "index").string();
  ASSERT_EQ(RunBge({"index", "build", index, "--input", texts}).status, 0);
  RunningBge add({"index", "add", index, "--input", "-"});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // it waits for texts
  const ProgramResult removed = RunBge({"index", "delete", index, "1", "5", "5"});
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_THAT(removed.err, HasSubstr("1 of 2 ids were not there"));
  add.Write("late\n");
  add.CloseInput();
  EXPECT_EQ(add.Wait(), 0);
  EXPECT_EQ(RunBge({"search", index, "late", "--top-k", "1", "--output-format", "jsonl"}).status,
            0);
  EXPECT_THAT(RunBge({"index", "info", index}).out, HasSubstr("texts         2"));
}

// (/dev/full is Linux's; where there is none no disk can be filled without rights.)
TEST(Cli, HelpAndVersionSayWhenTheDiskIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  for (const char* what : {"--version", "--help", "help", "embed --help"}) {
    const std::string command = std::string(BGE_CLI " ") + what + " > /dev/full 2> /dev/null";
    const int status = std::system(command.c_str());
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << what;
  }
}

TEST(Cli, NamesWhatIsMissing) {
  ExpectFailure(RunBge({"embed", "--input", "/nonexistent/x.txt"}), "/nonexistent/x.txt");
  ExpectFailure(RunBge({"embed", "--model", "/nonexistent/model", "a"}), "/nonexistent/model");
  ExpectFailure(RunBge({"embed", "a", "--prompt-name", "no such"}), "no such");
  ExpectFailure(RunBge({"embed", "a", "--truncate-dim", "1000"}), "1000");
  const test::TempDir empty;
  ExpectFailure(RunBge({"embed", "a"}, {.environment = {"BGE_MODEL=some-org/some-model",
                                                        "HF_HUB_CACHE=" + empty.path().string()}}),
                "some-org/some-model");
}

TEST(Similarity, ReportsTruncatedTexts) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "word ";
  const ProgramResult result = RunBge({"similarity", "--max-length", "16", "short", text, text});
  EXPECT_EQ(result.err, "bge: warning: 2 of 3 texts were longer than 16 tokens and were cut\n");
  EXPECT_EQ(Lines(result.out).size(), 2u);
}

TEST(Cli, RefusesToWriteOverItsInput) {
  const test::TempDir dir;
  const std::string corpus = dir.Write("c.txt", "a\n").string();
  const std::string link = (dir.path() / "link.txt").string();
  std::filesystem::create_hard_link(corpus, link);
  ExpectUsageError(RunBge({"embed", "-i", corpus, "-o", corpus}), "the output is the input: ");
  ExpectUsageError(RunBge({"embed", "-i", corpus, "-o", link}), "link.txt: give --output another");
  ExpectUsageError(RunBge({"tokenize", "-i", corpus, "-o", link}), "the output is the input");
  EXPECT_EQ(ReadFile(corpus, 100), "a\n");
  // Texts from the command line: the file is only written.
  EXPECT_EQ(RunBge({"embed", "a", "-o", corpus}).status, 0);
}

TEST(Cli, HelpOfACommandIsHelpToo) {
  EXPECT_EQ(RunBge({"help", "embed"}).out, RunBge({"embed", "--help"}).out);
  EXPECT_EQ(RunBge({"-V"}).out, RunBge({"--version"}).out);
}

// ---- similarity, info, verify

TEST(Similarity, ComparesTheFirstWithTheOthers) {
  const ProgramResult result = RunBge({"similarity", "a b", "a b", "[c]", "d\te"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto lines = Lines(result.out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "1.0000\ta b");
  EXPECT_THAT(lines[1], EndsWith("\t[c]"));
  EXPECT_THAT(RunBge({"similarity", "--json", "a", "a"}).out,
              AllOf(StartsWith("{\"score\":"), EndsWith(",\"text\":\"a\"}\n")));
  EXPECT_THAT(RunBge({"similarity", "a", "one\ntwo\tthree\x01"}).out, EndsWith("three\\x01\n"));
  // As a query and a document the same text has two vectors.
  EXPECT_THAT(RunBge({"similarity", "--query", "a", "a"}).out, Not(StartsWith("1.0000")));
}

TEST(Info, DescribesTheModel) {
  const ProgramResult text = RunBge({"info"});
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("pooling"), HasSubstr("1_Pooling/config.json"),
                              HasSubstr("\"query: \""), HasSubstr("model.safetensors")));
  const ProgramResult json_form = RunBge({"info", BGE_TEST_DATA_DIR "/models/tiny-bert", "--json"});
  const auto document = json::Document::Parse(json_form.out, "info");
  EXPECT_EQ(document->root().At("kind").AsString(), "embedder");
  EXPECT_EQ(document->root().At("dimension").AsInt(), 32);
  EXPECT_EQ(document->root().At("pooling").Elements()[0].AsString(), "cls");
  EXPECT_EQ(document->root().At("prompts").At("query").AsString(), "query: ");
}

std::vector<std::string> NamesOf(const std::string& json) {
  const auto document = json::Document::Parse(json, "info");
  std::vector<std::string> names;
  document->root().ForEachMember(
      [&](std::string_view name, json::Value) { names.emplace_back(name); });
  return names;
}

// The rows that both have stand in the same order under the same names.
TEST(Info, OfModelsAndRerankersIsAlike) {
  const std::string model = BGE_TEST_DATA_DIR "/models/tiny-bert";
  const std::string reranker = BGE_TEST_DATA_DIR "/models/tiny-reranker";
  const auto names_of = [](const std::string& text) {
    std::vector<std::string> names;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) names.push_back(line.substr(0, 14));
    return names;
  };
  const auto rows = names_of(RunBge({"info", model}).out);
  const auto rows_of_reranker = names_of(RunBge({"info", reranker}).out);
  ASSERT_GE(rows.size(), 8u);
  ASSERT_GE(rows_of_reranker.size(), 8u);
  for (size_t i = 0; i < 7; ++i) EXPECT_EQ(rows[i], rows_of_reranker[i]);
  for (const std::string name : {"queries       ", "fingerprint   ", "file          "}) {
    EXPECT_THAT(rows, Contains(name));
    EXPECT_THAT(rows_of_reranker, Contains(name));
  }
  const auto members = NamesOf(RunBge({"info", model, "--json"}).out);
  const auto members_of_reranker = NamesOf(RunBge({"info", reranker, "--json"}).out);
  for (size_t i = 0; i < 13; ++i) EXPECT_EQ(members.at(i), members_of_reranker.at(i));
  EXPECT_EQ(members.back(), members_of_reranker.back());
  EXPECT_THAT(members_of_reranker, Contains("query_instruction"));
}

TEST(Verify, FindsTheModelsOwnVectorsAndOthersDifferences) {
  const test::TempDir dir;
  std::string corpus;
  for (int i = 0; i < 600; ++i) corpus += "text " + std::to_string(i * 7919 % 1000) + "\n";
  const std::string texts = dir.Write("t.txt", corpus).string();
  const std::string jsonl = (dir.path() / "v.jsonl").string();
  const std::string npy = (dir.path() / "v.npy").string();
  ASSERT_EQ(RunBge({"embed", "--with-text", "-i", texts, "-o", jsonl}).status, 0);
  ASSERT_EQ(RunBge({"embed", "-i", texts, "-o", npy}).status, 0);

  const ProgramResult same = RunBge({"verify", "--against", jsonl});
  EXPECT_EQ(same.status, 0) << same.out << same.err;
  EXPECT_THAT(same.out, AllOf(HasSubstr("texts               600\n"), HasSubstr("within")));
  EXPECT_EQ(RunBge({"verify", "--against", npy, "--texts", texts}).status, 0);

  // Another pooling gives other vectors.
  const ProgramResult other = RunBge({"verify", "--against", jsonl, "--pooling", "mean", "--json"});
  EXPECT_EQ(other.status, 1);
  const auto report = json::Document::Parse(other.out, "report");
  EXPECT_FALSE(report->root().At("within").AsBool());
  EXPECT_GT(report->root().At("max_abs_difference").AsDouble(), 1e-3);
  EXPECT_LT(report->root().At("worst_cosine").AsDouble(), 0.999);
  EXPECT_LT(report->root().At("spearman").AsDouble(), 0.9999);
  EXPECT_EQ(report->root().At("top_k").AsInt(), 10);
  EXPECT_EQ(RunBge({"verify", "--against", jsonl, "--pooling", "mean", "--tolerance", "2"}).status,
            0);

  // A narrow type is beyond the tolerance of float32: the reader is told which of both to change.
  const ProgramResult narrow = RunBge({"verify", "--against", jsonl, "--dtype", "int8"});
  if (narrow.err.find("computing in float32") == std::string::npos) {
    EXPECT_EQ(narrow.status, 1);
    EXPECT_THAT(narrow.err, HasSubstr("computed in int8: its rounding"));
  }
}

TEST(Verify, NamesWhatDoesNotFit) {
  const test::TempDir dir;
  const std::string npy = (dir.path() / "v.npy").string();
  ASSERT_EQ(RunBge({"embed", "a", "b", "-o", npy}).status, 0);
  const auto with_texts = [&](const char* content) {
    return RunBge({"verify", "--against", npy, "--texts", dir.Write("t.txt", content).string()});
  };
  ExpectFailure(with_texts("a\n"), "2 vectors for 1 texts");
  ExpectFailure(with_texts("a\nb\nc\n"), "2 vectors for more texts");
  EXPECT_EQ(with_texts("a\nb\n").status, 0);
  const auto jsonl = [&](const char* content) {
    return RunBge({"verify", "--against", dir.Write("v.jsonl", content).string()});
  };
  ExpectFailure(jsonl("{\"text\": \"a\", \"embedding\": [1, 2]}"), "found a vector of 2 values");
  ExpectFailure(jsonl("{\"text\": \"a\"}"), "embedding");
  ExpectFailure(jsonl("{\"text\": \"a\", \"embedding\": [1e300]}"), "v.jsonl: line 1");
  ExpectFailure(jsonl("{\"text\": \"a\", \"embedding\": [\"1\"]}"), "v.jsonl: line 1");
  ExpectFailure(jsonl(""), "no texts");
}

}  // namespace
}  // namespace bge::cli
