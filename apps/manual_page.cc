// Manual pages in troff, with the macros of man 7 man.
#include "bge/version.h"

#include "apps/command_tree.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace bge::cli {
namespace {

// Text as troff shows it: a backslash, and a dot or quote at the beginning of a line, mean things.
std::string Escaped(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_start = c == '\n';
  }
  return out;
}

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string Heading(const std::string& name, const std::string& summary) {
  return fmt::format(".TH {} 1 \"\" \"bge {}\" \"bge\"\n.SH NAME\n{} \\- {}\n",
                     Upper(Escaped(name)), Version(), Escaped(name), Escaped(summary));
}

// ".B \-\-input \fIFILE\fR", names with commas between.
std::string Term(const OptionEntry& option) {
  std::string term;
  for (const std::string& name : option.names) {
    if (!term.empty()) term += ", ";
    term += "\\fB" + Escaped(name) + "\\fR";
  }
  if (!option.kind.empty() && !option.positional) term += " \\fI" + Escaped(option.kind) + "\\fR";
  return term;
}

void AddOptions(const CommandEntry& command, std::string* page) {
  for (const bool positional : {true, false}) {
    for (const OptionEntry& option : command.options) {
      if (option.positional != positional) continue;
      *page += fmt::format(".TP\n{}\n{}\n", Term(option), Escaped(option.description));
    }
  }
}

void AddExamples(const CommandEntry& command, std::string* page) {
  if (command.footer.empty()) return;
  *page += fmt::format(".PP\n.nf\n{}\n.fi\n", Escaped(command.footer));
}

std::string Synopsis(const std::string& name, const CommandEntry& command) {
  std::string line = fmt::format(".B {}\n", Escaped(name));
  if (!command.commands.empty()) return line + ".I COMMAND\n[\\fIOPTIONS\\fR]\n";
  line += "[\\fIOPTIONS\\fR]\n";
  for (const OptionEntry& option : command.options) {
    if (option.positional) line += fmt::format("[\\fI{}\\fR]\n", Escaped(option.names[0]));
  }
  return line;
}

constexpr std::string_view kSeeAlso =
    ".SH EXIT STATUS\n0: done. 1: failed. 2: wrong usage. 128 + N: ended by signal N.\n";

std::string CommandPage(const CommandEntry& command) {
  std::string page = Heading("bge-" + command.name, command.summary);
  page += ".SH SYNOPSIS\n" + Synopsis("bge " + command.name, command);
  page += ".SH DESCRIPTION\n" + Escaped(command.summary) + ".\n";
  if (command.commands.empty()) {
    page += ".SH OPTIONS\n";
    AddOptions(command, &page);
  }
  for (const CommandEntry& below : command.commands) {
    const std::string name = "bge " + command.name + " " + below.name;
    page += fmt::format(".SH {}\n{}.\n.PP\n{}", Upper(Escaped(name)), Escaped(below.summary),
                        Synopsis(name, below));
    AddOptions(below, &page);
    AddExamples(below, &page);
  }
  if (!command.footer.empty()) page += ".SH EXAMPLES\n";
  AddExamples(command, &page);
  page += kSeeAlso;
  page += ".SH SEE ALSO\n.BR bge (1)\n";
  return page;
}

std::string MainPage(const std::vector<CommandEntry>& tree) {
  std::string page =
      Heading("bge", "texts to vectors, and search over them, with BGE embedding models");
  page += ".SH SYNOPSIS\n.B bge\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS\n";
  for (const CommandEntry& command : tree) {
    page +=
        fmt::format(".TP\n.BR bge\\-{} (1)\n{}\n", Escaped(command.name), Escaped(command.summary));
  }
  page +=
      ".SH MODELS\nThe model is \\-\\-model, else $BGE_MODEL, else BAAI/bge\\-small\\-en\\-v1.5: a "
      "directory, or a name of the Hugging Face hub. \"\\-\" as a file is standard input or "
      "output.\n";
  page += kSeeAlso;
  return page;
}

}  // namespace

std::string ManualPage(const std::string& command) {
  const std::vector<CommandEntry> tree = CommandTree();
  if (command.empty()) return MainPage(tree);
  const auto found = std::find_if(tree.begin(), tree.end(), [&command](const CommandEntry& each) {
    return each.name == command;
  });
  if (found == tree.end()) {
    Fail(ErrorCode::kInvalidArgument, "unknown command", Printable(command), "see bge --help");
  }
  return CommandPage(*found);
}

}  // namespace bge::cli
