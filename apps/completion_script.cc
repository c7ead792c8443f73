// Shell completion. The scripts only know words: the command line's own parser checks what is
// typed.
#include "bge/error.h"

#include "apps/command_tree.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace bge::cli {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::vector<std::string> Names(const std::vector<CommandEntry>& commands) {
  std::vector<std::string> names;
  for (const CommandEntry& command : commands) names.push_back(command.name);
  return names;
}

// "embed", or "index build": a command and what leads to it.
using Visit = std::function<void(const std::string& path, const CommandEntry& command)>;
void VisitAll(const std::vector<CommandEntry>& commands, const std::string& before,
              const Visit& visit) {
  for (const CommandEntry& command : commands) {
    const std::string path = before + command.name;
    visit(path, command);
    VisitAll(command.commands, path + " ", visit);
  }
}

std::string BashScript() {
  const std::vector<CommandEntry> tree = CommandTree();
  std::string words;   // a case for each command: what may follow
  std::string values;  // a case for each option with a value: which
  VisitAll(tree, "", [&](const std::string& path, const CommandEntry& command) {
    std::vector<std::string> follow = Names(command.commands);
    for (const OptionEntry& option : command.options) {
      if (option.positional) {
        follow.insert(follow.begin(), option.choices.begin(), option.choices.end());
        continue;
      }
      follow.insert(follow.end(), option.names.begin(), option.names.end());
      if (option.kind.empty()) continue;
      const std::string patterns =
          fmt::format("'{} {}'", path, fmt::join(option.names, fmt::format("'|'{} ", path)));
      if (!option.choices.empty()) {
        values += fmt::format("    {}) COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;\n",
                              patterns, Joined(option.choices));
      } else if (option.kind != "FILE" && option.kind != "DIR" && option.kind != "MODEL") {
        values += fmt::format("    {}) return ;;\n", patterns);
      } else {
        values +=
            fmt::format("    {}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", patterns);
      }
    }
    words += fmt::format("    '{}') words='{}' ;;\n", path, Joined(follow));
  });
  return fmt::format(
      "# Completion of bge for bash: source it, or put it into bash-completion's folder as "
      "\"bge\".\n"
      "_bge() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} path='' "
      "words=''\n"
      "  local commands='{}'\n"
      "  if ((COMP_CWORD > 1)); then path=${{COMP_WORDS[1]}}; fi\n"
      "  if ((COMP_CWORD > 2)) && [[ \" {} \" == *\" $path ${{COMP_WORDS[2]}} \"* ]]; then\n"
      "    path+=\" ${{COMP_WORDS[2]}}\"\n"
      "  fi\n"
      "  COMPREPLY=()\n"
      "  compopt -o filenames 2>/dev/null\n"
      "  if [[ -z $path ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"$path $previous\" in\n{}"
      "  esac\n"
      "  case $path in\n{}"
      "  esac\n"
      "  if [[ $word == -* || $words != -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "  fi\n"
      "  if [[ $word != -* ]]; then COMPREPLY+=($(compgen -f -- \"$word\")); fi\n"
      "}}\n"
      "complete -F _bge bge\n",
      Joined(Names(tree)),
      [&] {
        // "index build  index info  …": separated by two spaces, so that each is found whole.
        std::vector<std::string> pairs;
        for (const CommandEntry& command : tree) {
          for (const CommandEntry& below : command.commands) {
            pairs.push_back(command.name + " " + below.name);
          }
        }
        return fmt::format("{}", fmt::join(pairs, "  "));
      }(),
      values, words);
}

std::string FishQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string FishScript() {
  const std::vector<CommandEntry> tree = CommandTree();
  std::string text =
      "# Completion of bge for fish: put it into ~/.config/fish/completions/bge.fish\n";
  const std::string all = Joined(Names(tree));
  for (const CommandEntry& command : tree) {
    text += fmt::format("complete -c bge -f -n 'not __fish_seen_subcommand_from {}' -a {} -d {}\n",
                        all, command.name, FishQuoted(command.summary));
  }
  VisitAll(tree, "", [&](const std::string& path, const CommandEntry& command) {
    std::string seen = "__fish_seen_subcommand_from " + path.substr(0, path.find(' '));
    if (path.find(' ') != std::string::npos) {
      seen += "; and __fish_seen_subcommand_from " + command.name;
    }
    for (const CommandEntry& below : command.commands) {
      text += fmt::format("complete -c bge -f -n '{}' -a {} -d {}\n", seen, below.name,
                          FishQuoted(below.summary));
    }
    for (const OptionEntry& option : command.options) {
      if (option.positional) {
        if (option.choices.empty()) continue;
        text += fmt::format("complete -c bge -f -n '{}' -a '{}'\n", seen, Joined(option.choices));
        continue;
      }
      std::string line = fmt::format("complete -c bge -n '{}'", seen);
      for (const std::string& name : option.names) {
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!option.kind.empty()) line += " -r";
      if (!option.choices.empty()) line += " -f -a " + FishQuoted(Joined(option.choices));
      text += line + " -d " + FishQuoted(option.description) + "\n";
    }
  });
  return text;
}

std::string ZshScript() {
  // zsh runs bash's completions.
  return "#compdef bge\n# Completion of bge for zsh: source it, or put it into a folder of $fpath "
         "as \"_bge\".\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         BashScript();
}

}  // namespace

std::string CompletionScript(const std::string& shell) {
  if (shell == "bash") return BashScript();
  if (shell == "zsh") return ZshScript();
  if (shell == "fish") return FishScript();
  Fail(ErrorCode::kInvalidArgument, "unknown shell", Printable(shell), "give bash, zsh or fish");
}

}  // namespace bge::cli
