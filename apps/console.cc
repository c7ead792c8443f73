#include "apps/console.h"

#include "base/env.h"
#include "base/error.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace bge::cli {
namespace {

constexpr auto kFirstShown = std::chrono::seconds(1);
constexpr auto kBetween = std::chrono::milliseconds(200);

bool StandardErrorIsTerminal() {
  return isatty(STDERR_FILENO) == 1 && GetEnv("TERM").value_or("dumb") != "dumb";
}

void WriteToStandardError(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(STDERR_FILENO, text.data(), text.size());
    if (count <= 0) return;  // nowhere left to complain
    text.remove_prefix(static_cast<size_t>(count));
  }
}

void PrintLabelled(std::string_view label, std::string_view colour, std::string_view message) {
  if (StandardErrorIsTerminal() && !GetEnv("NO_COLOR")) {
    WriteToStandardError(fmt::format("bge: \x1b[{}m{}:\x1b[0m {}\n", colour, label, message));
  } else {
    WriteToStandardError(fmt::format("bge: {}: {}\n", label, message));
  }
}

}  // namespace

void PrintError(std::string_view message) { PrintLabelled("error", "1;31", message); }

void PrintWarning(std::string_view message) { PrintLabelled("warning", "1;33", message); }

void PrintNote(std::string_view message) {
  WriteToStandardError(fmt::format("bge: {}\n", message));
}

std::string WithSeparators(int64_t value) {
  std::string digits = fmt::format("{}", value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string LengthText(int64_t tokens) {
  constexpr int64_t kNoLimit = int64_t{1} << 40;
  return tokens < kNoLimit ? fmt::format("{} tokens", tokens) : "no limit";
}

std::string DurationText(double seconds) {
  if (!(seconds < 1e9)) return "a long time";
  const auto total = static_cast<int64_t>(std::llround(std::max(seconds, 0.0)));
  if (total < 60) return fmt::format("{}s", total);
  if (total < 3600) return fmt::format("{}m{:02}s", total / 60, total % 60);
  return fmt::format("{}h{:02}m", total / 3600, total / 60 % 60);
}

std::string ProgressLine(int64_t texts, int64_t tokens, uint64_t bytes,
                         std::optional<uint64_t> total_bytes, double seconds) {
  const double per_second = seconds > 0 ? 1 / seconds : 0;
  std::string line =
      fmt::format("{} texts  {} texts/s", WithSeparators(texts),
                  WithSeparators(std::llround(static_cast<double>(texts) * per_second)));
  if (tokens > 0) {
    line += fmt::format("  {} tokens/s",
                        WithSeparators(std::llround(static_cast<double>(tokens) * per_second)));
  }
  if (total_bytes && *total_bytes > 0 && bytes > 0) {
    const double done =
        std::min(1.0, static_cast<double>(bytes) / static_cast<double>(*total_bytes));
    line += fmt::format("  {:.0f}%  {} left", done * 100, DurationText(seconds / done - seconds));
  }
  return line;
}

std::string DownloadLine(std::string_view file, uint64_t first, uint64_t done, uint64_t size,
                         double seconds) {
  constexpr double kMegabyte = 1e6;
  const auto megabytes = [](uint64_t bytes) { return static_cast<double>(bytes) / kMegabyte; };
  std::string line = fmt::format("{}  {:.1f}", Printable(file, 28), megabytes(done));
  if (size > 0) line += fmt::format(" of {:.1f}", megabytes(size));
  line += " MB";
  if (size > 0) {
    line += fmt::format("  {:.0f}%", 100 * megabytes(done) / megabytes(size));
  }
  const double rate = seconds > 0 ? static_cast<double>(done - first) / seconds : 0;
  line += fmt::format("  {:.1f} MB/s", rate / kMegabyte);
  if (size > done && rate > 0) {
    line += fmt::format("  {} left", DurationText(static_cast<double>(size - done) / rate));
  }
  return line;
}

TerminalLine::TerminalLine()
    : enabled_(StandardErrorIsTerminal()), start_(Clock::now()), last_(start_) {}

TerminalLine::~TerminalLine() { Clear(); }

bool TerminalLine::IsDue() const {
  const auto now = Clock::now();
  return enabled_ && now - start_ >= kFirstShown && now - last_ >= kBetween;
}

void TerminalLine::Show(std::string_view text) {
  if (!enabled_) return;
  last_ = Clock::now();
  shown_ = true;
  // Back to the first column, and erase to the end of the line.
  WriteToStandardError(fmt::format("\r\x1b[K{}", text));
}

void TerminalLine::Clear() {
  if (!shown_) return;
  WriteToStandardError("\r\x1b[K");
  shown_ = false;
}

double TerminalLine::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::Update(int64_t texts, int64_t tokens, uint64_t bytes) {
  if (!line_.IsDue()) return;
  line_.Show(ProgressLine(texts, tokens, bytes, total_bytes_, line_.seconds()));
}

void DownloadProgress::Update(std::string_view file, uint64_t done, uint64_t size) {
  if (file != file_ || done < first_) {
    file_ = file;
    first_ = done;
    begun_ = line_.seconds();
  }
  if (!line_.IsDue()) return;
  line_.Show(DownloadLine(file, first_, done, size, line_.seconds() - begun_));
}

}  // namespace bge::cli
