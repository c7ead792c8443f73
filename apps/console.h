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
/// ModelInfo::max_length in words: "512 tokens", "no limit".
std::string LengthText(int64_t tokens);
/// "45s", "3m20s", "2h05m".
std::string DurationText(double seconds);

/// One line on standard error that is rewritten a few times a second. Shows nothing where standard
/// error is not a terminal, and nothing in the first second. One thread at a time.
class TerminalLine {
 public:
  TerminalLine();
  ~TerminalLine();
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;

  /// Whether it is time for another text.
  bool IsDue() const;
  void Show(std::string_view text);
  /// Erases the line.
  void Clear();
  double seconds() const;  ///< since it was made

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  bool shown_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

/// The progress of texts: how many, rates, time left. As TerminalLine.
class Progress {
 public:
  /// total_bytes: the size of the input, where it is known; the time left is estimated from it.
  explicit Progress(std::optional<uint64_t> total_bytes) : total_bytes_(total_bytes) {}

  /// All texts finished so far, their tokens, and the input bytes they came from.
  void Update(int64_t texts, int64_t tokens, uint64_t bytes);
  /// Erases the line.
  void Clear() { line_.Clear(); }

 private:
  TerminalLine line_;
  std::optional<uint64_t> total_bytes_;
};

/// The progress of files that are downloaded one after another. As TerminalLine.
class DownloadProgress {
 public:
  /// Bytes that are there of a file, of so many (0: not known).
  void Update(std::string_view file, uint64_t done, uint64_t size);
  void Clear() { line_.Clear(); }

 private:
  TerminalLine line_;
  std::string file_;
  uint64_t first_ = 0;  // bytes that were there when it began
  double begun_ = 0;
};

/// "model.safetensors  12.0 of 133.5 MB  9%  11.2 MB/s  11s left", of bytes that took `seconds`
/// since there were `first` of them.
std::string DownloadLine(std::string_view file, uint64_t first, uint64_t done, uint64_t size,
                         double seconds);

/// The text of the progress line; tokens 0: not known yet, and left out: "1,234 texts  210 texts/s
/// 33,000 tokens/s  42%  3m20s left".
std::string ProgressLine(int64_t texts, int64_t tokens, uint64_t bytes,
                         std::optional<uint64_t> total_bytes, double seconds);

}  // namespace bge::cli

#endif  // BGE_APPS_CONSOLE_H_
