// Running the built bge command from a test.
#ifndef BGE_APPS_RUN_PROGRAM_H_
#define BGE_APPS_RUN_PROGRAM_H_

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace bge::cli {

/// What a finished program left.
struct ProgramResult {
  int status = -1;  ///< exit status; 128 + the signal that ended it
  std::string out;
  std::string err;
};

struct ProgramOptions {
  std::string input = {};  ///< standard input
  std::vector<std::string> environment =
      {};  ///< "NAME=value", beside BGE_MODEL=<a tiny model>, offline
};

/// Runs the command with arguments to its end.
ProgramResult RunBge(const std::vector<std::string>& arguments, const ProgramOptions& options = {});

/// The command running beside the test, with pipes to its standard input and output. Killed on
/// destruction if it still runs.
class RunningBge {
 public:
  explicit RunningBge(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment = {});
  ~RunningBge();
  RunningBge(const RunningBge&) = delete;
  RunningBge& operator=(const RunningBge&) = delete;

  void Write(std::string_view bytes);
  void CloseInput();
  void CloseOutput();
  /// Standard output up to the next '\n', waiting for it; "" at its end.
  std::string ReadLine();
  void Signal(int signal_number);
  /// Waits for the end; as ProgramResult::status.
  int Wait();

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
};

}  // namespace bge::cli

#endif  // BGE_APPS_RUN_PROGRAM_H_
