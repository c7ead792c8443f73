// The table of the program's commands, and what each gets from main.cc.
//
// A command is one cmd_<verb>.cc with one function that describes its options to CLI11 and stores
// what to run; it is a row of kCommands in commands.cc.
#ifndef BGE_APPS_COMMANDS_H_
#define BGE_APPS_COMMANDS_H_

#include <functional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bge::cli {

/// What a running command gets from the program.
struct RunContext {
  std::stop_token stop;  ///< set by the first Ctrl-C or SIGTERM
  int stop_fd = -1;      ///< becomes readable at that moment: for poll() beside a slow input
};

/// The work of a command once its options are parsed; returns the exit status. bge::Error,
/// UsageError and std::exception are reported by main.
using Action = std::function<int(const RunContext&)>;

/// The options are each valid but make no sense together: exit status 2. The message has the form
/// "<what>: <where>: <fix>".
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A reader closed the pipe that standard output goes to: the program ends without a word, with the
/// status that SIGPIPE would have given.
class OutputClosed : public std::exception {};

struct Command {
  std::string_view name;     ///< "embed"
  std::string_view summary;  ///< one line for `bge --help`
  /// Adds options, examples (footer) and a callback that sets *action. Runs before parsing; what
  /// the options write to must be owned by the callback (a shared_ptr to a struct).
  void (*set_up)(CLI::App& app, Action* action);
};

/// All commands, in the order of `bge --help`.
std::span<const Command> Commands();

void SetUpEmbed(CLI::App& app, Action* action);
void SetUpTokenize(CLI::App& app, Action* action);
void SetUpSimilarity(CLI::App& app, Action* action);
void SetUpRerank(CLI::App& app, Action* action);
void SetUpScore(CLI::App& app, Action* action);
void SetUpInfo(CLI::App& app, Action* action);
void SetUpVerify(CLI::App& app, Action* action);
void SetUpIndex(CLI::App& app, Action* action);
void SetUpSearch(CLI::App& app, Action* action);
void SetUpQuantize(CLI::App& app, Action* action);
void SetUpBench(CLI::App& app, Action* action);
void SetUpCompletion(CLI::App& app, Action* action);
void SetUpMan(CLI::App& app, Action* action);

}  // namespace bge::cli

#endif  // BGE_APPS_COMMANDS_H_
