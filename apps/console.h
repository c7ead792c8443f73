// Messages on standard error: errors, warnings, and the line that shows progress.
#ifndef BGE_APPS_CONSOLE_H_
#define BGE_APPS_CONSOLE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bge::cli {

/// "bge: error: <message>", in colour on a terminal unless $NO_COLOR is set.
void PrintError(std::string_view message);
/// "bge: warning: <message>"
void PrintWarning(std::string_view message);
/// "bge: <message>"
void PrintNote(std::string_view message);

/// 1234567 as "1,234,567".
std::string WithSeparators(int64_t value);
/// "45s", "3m20s", "2h05m".
std::string DurationText(double seconds);

/// One line on standard error that is rewritten a few times a second: texts, rates, time left.
/// Shows nothing where standard error is not a terminal, and nothing in the first second. One
/// thread at a time.
class Progress {
 public:
  /// total_bytes: the size of the input, where it is known; the time left is estimated from it.
  explicit Progress(std::optional<uint64_t> total_bytes);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// All texts finished so far, their tokens, and the input bytes they came from.
  void Update(int64_t texts, int64_t tokens, uint64_t bytes);
  /// Erases the line.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  bool shown_ = false;
  std::optional<uint64_t> total_bytes_;
  Clock::time_point start_;
  Clock::time_point last_;
};

/// The text of the progress line; tokens 0: not known yet, and left out: "1,234 texts  210 texts/s
/// 33,000 tokens/s  42%  3m20s left".
std::string ProgressLine(int64_t texts, int64_t tokens, uint64_t bytes,
                         std::optional<uint64_t> total_bytes, double seconds);

}  // namespace bge::cli

#endif  // BGE_APPS_CONSOLE_H_
