// bge completion, bge man: the options as a shell and as man see them.
#include "apps/arguments.h"
#include "apps/command_tree.h"
#include "apps/commands.h"
#include "apps/output_stream.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bge::cli {
namespace {

void Print(const std::string& path, const std::string& text) {
  const auto output = OpenOutput(path);
  output->Write(text);
  output->Commit();
}

struct ManOptions {
  std::string command;
  std::string folder;
};

int Man(const ManOptions& options) {
  if (options.folder.empty()) {
    Print("-", ManualPage(options.command));
    return 0;
  }
  if (!options.command.empty()) {
    throw UsageError("both given: COMMAND and --all: give one of them");
  }
  const std::filesystem::path folder = options.folder;
  std::filesystem::create_directories(folder);
  Print(folder / "bge.1", ManualPage(""));
  for (const Command& command : Commands()) {
    const std::string name(command.name);
    Print(folder / ("bge-" + name + ".1"), ManualPage(name));
  }
  return 0;
}

}  // namespace

void SetUpCompletion(CLI::App& app, Action* action) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app.footer(
      "Examples:\n"
      "  source <(bge completion bash)\n"
      "  bge completion fish > ~/.config/fish/completions/bge.fish");
  app.callback([shell, action] {
    *action = [shell](const RunContext&) {
      Print("-", CompletionScript(*shell));
      return 0;
    };
  });
}

void SetUpMan(CLI::App& app, Action* action) {
  const auto options = std::make_shared<ManOptions>();
  std::vector<std::string> names;
  for (const Command& command : Commands()) names.emplace_back(command.name);
  AddString(app, "COMMAND", &options->command, "The command (default: the page of bge itself)")
      ->check(CLI::IsMember(names));
  AddName(app, "--all", &options->folder, "Write the pages of all commands into this folder")
      ->type_name("DIR");
  app.footer(
      "Examples:\n"
      "  bge man embed | man -l -\n"
      "  bge man --all /usr/local/share/man/man1");
  app.callback(
      [options, action] { *action = [options](const RunContext&) { return Man(*options); }; });
}

}  // namespace bge::cli
