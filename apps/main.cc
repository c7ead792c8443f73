// The bge command: finds the command's row, parses its options, runs it, and turns failures into
// one line on standard error and an exit status (0 done, 1 failed, 2 wrong usage, 128 + N
// ended by signal N).
#include "bge/error.h"

#include "apps/arguments.h"
#include "apps/command_tree.h"
#include "apps/commands.h"
#include "apps/console.h"
#include "apps/interrupt.h"
#include "apps/output_stream.h"
#include "apps/version_text.h"
#include "base/error.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace bge::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kOutputClosed = 128 + SIGPIPE;
constexpr size_t kMessageBytes = 2000;

std::string HelpText() {
  std::string text =
      "bge: texts to vectors, and search over them, with BGE embedding models\n"
      "\n"
      "Usage: bge COMMAND [OPTIONS]\n"
      "       bge COMMAND --help\n"
      "\n"
      "Commands:\n";
  for (const Command& command : Commands()) {
    text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  text +=
      "\n"
      "  --version   print the version, the CPU's instructions in use, and the libraries\n"
      "  -h,--help   print this help\n"
      "\n"
      "The model is --model, else $BGE_MODEL, else BAAI/bge-small-en-v1.5: a directory, or a name "
      "on the\n"
      "Hugging Face hub, which is downloaded unless its cache has it. \"-\" as a file is standard "
      "input\n"
      "or output.\n"
      "\n"
      "Examples:\n"
      "  bge embed \"How do plants make sugar?\"\n"
      "  bge embed --input corpus.jsonl --output vectors.npy\n"
      "  bge similarity \"a cat\" \"a kitten\" \"a train\"\n";
  return text;
}

// Error where standard output takes no more.
int Show(std::string_view text) {
  const auto out = OpenOutput("-");
  out->Write(text);
  out->Commit();
  return 0;
}

const Command* FindCommand(std::string_view name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

// Where the program was started with a standard descriptor closed (`2>&-`), no file of ours may get
// its number, or messages would be written into it. Opened for reading, so that writing still
// fails.
void OccupyStandardDescriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    [[maybe_unused]] const int opened = open("/dev/null", O_RDONLY);
  }
}

// The options of `command`; an exit status where there is nothing to run.
int Parse(const Command& command, std::vector<std::string> arguments, Action* action) {
  const std::string name = fmt::format("bge {}", command.name);
  const std::unique_ptr<CLI::App> parser = MakeParser(command, action);
  CLI::App& app = *parser;
  const auto commands = app.get_subcommands(std::function<bool(CLI::App*)>());
  const auto is_first = [&](const CLI::App* each) { return each->get_name() == arguments[0]; };
  if (!commands.empty() && !arguments.empty() && !arguments[0].starts_with('-') &&
      std::none_of(commands.begin(), commands.end(), is_first)) {
    PrintError(
        fmt::format("unknown command: {} {}: see {} --help", name, Printable(arguments[0]), name));
    return kWrongUsage;
  }
  // CLI11 takes the arguments last to first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    *action = [help = app.help()](const RunContext&) { return Show(help); };
    return 0;
  } catch (const CLI::ParseError& error) {
    *action = nullptr;  // a subcommand may have set it before what is wrong was found
    // An option that throws Error(0) has printed what it wanted.
    if (error.get_exit_code() == 0) return 0;
    const std::string help_of =
        app.get_subcommands().empty() ? name : name + " " + app.get_subcommands()[0]->get_name();
    PrintError(fmt::format("{}: {}: see {} --help", Printable(error.what()), name, help_of));
    return kWrongUsage;
  }
  return 0;
}

// Of what the library throws beside Error.
std::string MessageOf(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "out of memory: this process: free some memory, or use a smaller model";
  }
  const auto* const system = dynamic_cast<const std::system_error*>(&error);
  if (system != nullptr && system->code() == std::errc::resource_unavailable_try_again) {
    return "cannot start a thread: this process: raise the limits on memory and processes (ulimit "
           "-v, ulimit -u)";
  }
  return Printable(error.what());
}

int Run(const Action& action) {
  Interrupt interrupt;
  const RunContext context{interrupt.token(), interrupt.fd()};
  try {
    return action(context);
  } catch (const OutputClosed&) {
    return kOutputClosed;
  } catch (const UsageError& error) {
    PrintError(Printable(error.what(), kMessageBytes));
    return kWrongUsage;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled && interrupt.signal_number() != 0) {
      PrintNote("interrupted");
      return 128 + interrupt.signal_number();
    }
    PrintError(error.what());
  } catch (const std::exception& error) {
    PrintError(MessageOf(error));
  }
  return kFailed;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    PrintError("no command: bge: see bge --help");
    return kWrongUsage;
  }
  const std::string& first = arguments[0];
  if (first == "help" && arguments.size() > 1) {
    std::vector<std::string> asked(arguments.begin() + 1, arguments.end());
    asked.emplace_back("--help");
    return Main(asked);
  }
  if (first == "--help" || first == "-h" || first == "help") {
    return Run([](const RunContext&) { return Show(HelpText()); });
  }
  if (first == "--version" || first == "-V") {
    return Run([](const RunContext&) { return Show(VersionText()); });
  }
  const Command* command = FindCommand(first);
  if (command == nullptr) {
    PrintError(fmt::format("unknown command: {}: see bge --help", Printable(first)));
    return kWrongUsage;
  }
  Action action;
  const int status = Parse(*command, {arguments.begin() + 1, arguments.end()}, &action);
  if (!action) return status;
  return Run(action);
}

}  // namespace
}  // namespace bge::cli

int main(int argc, char** argv) {
  // A closed pipe is an error of write(), so that unfinished files are removed first.
  std::signal(SIGPIPE, SIG_IGN);
  // So is a file beyond the limit on file sizes (EFBIG).
  std::signal(SIGXFSZ, SIG_IGN);
  bge::cli::OccupyStandardDescriptors();
  try {
    std::vector<std::string> arguments;
    for (int i = 1; i < argc; ++i) arguments.push_back(bge::cli::ProtectArgument(argv[i]));
    return bge::cli::Main(arguments);
  } catch (const std::exception& error) {
    bge::cli::PrintError(bge::cli::MessageOf(error));
    return bge::cli::kFailed;
  }
}
