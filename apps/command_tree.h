// The commands and options as data: what shell completion and manual pages are made of, so that
// they say what --help says.
#ifndef BGE_APPS_COMMAND_TREE_H_
#define BGE_APPS_COMMAND_TREE_H_

#include "apps/commands.h"

#include <memory>
#include <string>
#include <vector>

namespace bge::cli {

struct OptionEntry {
  std::vector<std::string> names;  ///< "-i", "--input"; of a positional one its name
  bool positional = false;
  std::string kind;                  ///< "FILE", "NAME"; empty: a flag
  std::vector<std::string> choices;  ///< where only these values are taken
  std::string description;
};

struct CommandEntry {
  std::string name;  ///< "embed", or "build" of "index"
  std::string summary;
  std::string footer;  ///< examples
  std::vector<OptionEntry> options;
  std::vector<CommandEntry> commands;
};

/// The parser of a command, as main uses it. `action` must outlive it.
std::unique_ptr<CLI::App> MakeParser(const Command& command, Action* action);

/// All commands, in the order of `bge --help`.
std::vector<CommandEntry> CommandTree();

/// The script that makes a shell complete bge's commands, options and their values; "bash", "zsh"
/// or "fish".
std::string CompletionScript(const std::string& shell);

/// A manual page in troff (man 7 man): bge(1) for an empty `command`, else bge-COMMAND(1).
/// `command` is one of Commands().
std::string ManualPage(const std::string& command);

}  // namespace bge::cli

#endif  // BGE_APPS_COMMAND_TREE_H_
