// Completion in a real shell, and manual pages against the options themselves.
#include "apps/command_tree.h"
#include "apps/run_program.h"
#include "tests/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

namespace bge::cli {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::string ReadWhole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What bash offers for the words, the last of which is being typed, in an empty folder.
std::set<std::string> BashOffers(const std::string& words) {
  const test::TempDir folder;
  folder.Write("bge.bash", CompletionScript("bash"));
  folder.Write("here/text.jsonl", "");
  folder.Write("run.bash", "cd \"$1/here\"; . \"$1/bge.bash\"; COMP_WORDS=(bge " + words +
                               ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_bge\n"
                               "printf '%s\\n' \"${COMPREPLY[@]}\" > \"$1/offers\"\n");
  const std::string path = folder.path().string();
  const std::string command =
      "bash '" + path + "/run.bash' '" + path + "' 2> '" + path + "/errors'";
  EXPECT_EQ(std::system(command.c_str()), 0) << ReadWhole(folder.path() / "errors");
  std::istringstream lines(ReadWhole(folder.path() / "offers"));
  std::set<std::string> offers;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) offers.insert(line);
  }
  return offers;
}

bool HasBash() { return std::system("command -v bash >/dev/null 2>&1") == 0; }

TEST(Completion, OffersCommandsOptionsAndValues) {
  if (!HasBash()) GTEST_SKIP() << "no bash here";
  EXPECT_THAT(BashOffers("''"), IsSupersetOf({"embed", "index", "--version", "completion"}));
  EXPECT_THAT(BashOffers("se"), UnorderedElementsAre("search"));
  EXPECT_THAT(BashOffers("embed --in"), UnorderedElementsAre("--input", "--instruction"));
  EXPECT_THAT(BashOffers("embed --format ''"),
              UnorderedElementsAre("lines", "jsonl", "csv", "tsv"));
  EXPECT_THAT(BashOffers("embed --input te"), UnorderedElementsAre("text.jsonl"));
  EXPECT_THAT(BashOffers("embed --max-length ''"), UnorderedElementsAre());
  EXPECT_THAT(BashOffers("index ''"), IsSupersetOf({"build", "info", "verify"}));
  EXPECT_THAT(BashOffers("index build --mod"), UnorderedElementsAre("--model"));
  EXPECT_THAT(BashOffers("index build --model ''"), UnorderedElementsAre("text.jsonl"));
  EXPECT_THAT(BashOffers("info --js"), UnorderedElementsAre("--json"));
  EXPECT_THAT(BashOffers("completion f"), UnorderedElementsAre("fish"));
  EXPECT_THAT(BashOffers("man em"), UnorderedElementsAre("embed"));
}

TEST(Completion, ScriptsOfAllShellsKnowAllOptions) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = CompletionScript(shell);
    for (const CommandEntry& command : CommandTree()) {
      EXPECT_THAT(script, HasSubstr(command.name)) << shell;
      for (const OptionEntry& option : command.options) {
        if (option.positional) continue;
        std::string name = option.names.back();
        if (std::string(shell) == "fish") name = "-l " + name.substr(2);
        EXPECT_THAT(script, HasSubstr(name)) << shell << ": " << command.name;
      }
    }
  }
  if (HasBash()) {
    const test::TempDir folder;
    const auto path = folder.Write("bge.bash", CompletionScript("bash"));
    EXPECT_EQ(std::system(("bash -n '" + path.string() + "'").c_str()), 0);
  }
}

// troff writes a hyphen that is a minus as \-.
std::string Troff(std::string text) {
  std::string out;
  for (const char c : text) out += c == '-' ? "\\-" : std::string(1, c);
  return out;
}

TEST(ManualPages, NameEveryOptionOfEveryCommand) {
  const std::string main_page = ManualPage("");
  for (const CommandEntry& command : CommandTree()) {
    SCOPED_TRACE(command.name);
    EXPECT_THAT(main_page, HasSubstr("bge\\-" + command.name));
    const std::string page = ManualPage(command.name);
    EXPECT_EQ(page.rfind(".TH BGE", 0), 0u);
    for (const OptionEntry& option : command.options) {
      // The options of a command with commands of its own are theirs.
      if (!command.commands.empty()) continue;
      for (const std::string& name : option.names) EXPECT_THAT(page, HasSubstr(Troff(name)));
    }
    for (const CommandEntry& below : command.commands) {
      for (const OptionEntry& option : below.options) {
        for (const std::string& name : option.names) EXPECT_THAT(page, HasSubstr(Troff(name)));
      }
    }
    // No line of text is taken for a request that troff does not know.
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with('.')) continue;
      const std::string request = line.substr(1, line.find(' ') - 1);
      EXPECT_THAT((std::set<std::string>{"TH", "SH", "B", "BR", "I", "TP", "PP", "nf", "fi"}),
                  Contains(request))
          << line;
    }
  }
}

TEST(ManualPages, AreWrittenForAllCommands) {
  const test::TempDir folder;
  const ProgramResult result = RunBge({"man", "--all", (folder.path() / "man1").string()});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const Command& command : Commands()) {
    const auto path = folder.path() / "man1" / ("bge-" + std::string(command.name) + ".1");
    EXPECT_EQ(ReadWhole(path), ManualPage(std::string(command.name)));
  }
  EXPECT_EQ(ReadWhole(folder.path() / "man1" / "bge.1"), ManualPage(""));
  EXPECT_EQ(RunBge({"man", "embedd"}).status, 2);
  EXPECT_THAT(RunBge({"man", "embedd"}).err, HasSubstr("embedd"));
  EXPECT_EQ(RunBge({"man", "embed", "--all", "x"}).status, 2);
  EXPECT_EQ(RunBge({"completion"}).status, 2);
  EXPECT_EQ(RunBge({"completion", "tcsh"}).status, 2);
}

}  // namespace
}  // namespace bge::cli
