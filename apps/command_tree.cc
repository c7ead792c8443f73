#include "apps/command_tree.h"

#include "apps/arguments.h"

#include <fmt/format.h>

#include <functional>

namespace bge::cli {
namespace {

// CLI11 writes the values that a check allows into the kind of value: "NAME:{lines,jsonl}".
std::vector<std::string> Choices(const std::string& kind) {
  std::vector<std::string> choices;
  const size_t open = kind.find(":{");
  if (open == std::string::npos || !kind.ends_with('}')) return choices;
  std::string_view rest(kind);
  rest = rest.substr(open + 2, kind.size() - open - 3);
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    choices.emplace_back(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return choices;
}

OptionEntry Entry(const CLI::Option& option) {
  OptionEntry entry;
  entry.positional = option.get_positional();
  if (entry.positional) {
    entry.names.push_back(option.get_name());
  } else {
    for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  }
  const std::string kind = option.get_type_name();
  if (option.get_type_size() != 0) entry.kind = kind.substr(0, kind.find(':'));
  entry.choices = Choices(kind);
  entry.description = option.get_description();
  return entry;
}

CommandEntry Entry(const CLI::App& app, std::string name) {
  CommandEntry entry;
  entry.name = std::move(name);
  entry.summary = app.get_description();
  entry.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) entry.options.push_back(Entry(*option));
  for (const CLI::App* command : app.get_subcommands(std::function<bool(const CLI::App*)>())) {
    entry.commands.push_back(Entry(*command, command->get_name()));
  }
  return entry;
}

}  // namespace

std::unique_ptr<CLI::App> MakeParser(const Command& command, Action* action) {
  auto app =
      std::make_unique<CLI::App>(std::string(command.summary), fmt::format("bge {}", command.name));
  app->formatter(std::make_shared<HelpFormatter>());
  app->set_help_flag("-h,--help", "Print this help");
  // Of an option given twice the last counts, so that a script's can be overridden.
  app->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command.set_up(*app, action);
  return app;
}

std::vector<CommandEntry> CommandTree() {
  std::vector<CommandEntry> tree;
  Action ignored;
  for (const Command& command : Commands()) {
    tree.push_back(Entry(*MakeParser(command, &ignored), std::string(command.name)));
  }
  return tree;
}

}  // namespace bge::cli
