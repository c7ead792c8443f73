#include "apps/console.h"

#include "base/env.h"

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

Progress::Progress(std::optional<uint64_t> total_bytes)
    : enabled_(StandardErrorIsTerminal()),
      total_bytes_(total_bytes),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() { Clear(); }

void Progress::Update(int64_t texts, int64_t tokens, uint64_t bytes) {
  if (!enabled_) return;
  const auto now = Clock::now();
  if (now - start_ < kFirstShown || now - last_ < kBetween) return;
  last_ = now;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  // Back to the first column, and erase to the end of the line.
  WriteToStandardError(
      fmt::format("\r\x1b[K{}", ProgressLine(texts, tokens, bytes, total_bytes_, seconds)));
}

void Progress::Clear() {
  if (!shown_) return;
  WriteToStandardError("\r\x1b[K");
  shown_ = false;
}

}  // namespace bge::cli
