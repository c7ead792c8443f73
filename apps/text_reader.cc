// Chooses the reader for a path; the texts of the command line; what the readers share.
#include "apps/text_reader.h"

#include "apps/commands.h"
#include "apps/record_readers.h"
#include "base/error.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace bge::cli {
namespace {

bool HasExtension(std::string_view path, std::string_view extension) {
  if (path.size() <= extension.size()) return false;
  path.remove_prefix(path.size() - extension.size());
  for (size_t i = 0; i < extension.size(); ++i) {
    const char c =
        path[i] >= 'A' && path[i] <= 'Z' ? static_cast<char>(path[i] - 'A' + 'a') : path[i];
    if (c != extension[i]) return false;
  }
  return true;
}

TextFormat FormatOfPath(std::string_view path) {
  if (HasExtension(path, ".jsonl") || HasExtension(path, ".ndjson")) return TextFormat::kJsonl;
  if (HasExtension(path, ".csv")) return TextFormat::kCsv;
  if (HasExtension(path, ".tsv")) return TextFormat::kTsv;
  return TextFormat::kLines;
}

// Files that are no texts a line, as their names say: read as lines they would give nonsense.
void RefuseOtherFormats(const std::string& path) {
  const auto refuse = [&path](std::string_view extension, std::string_view fix) {
    if (!HasExtension(path, extension)) return;
    throw UsageError(fmt::format("not a file of texts: {}: {}", Printable(path, 1000), fix));
  };
  for (const std::string_view packed : {".gz", ".zst", ".bz2", ".xz"}) {
    refuse(packed, "decompress it first (or into a pipe, with - as the file)");
  }
  for (const std::string_view binary : {".parquet", ".npy", ".npz", ".safetensors"}) {
    refuse(binary, "convert it to JSONL, CSV or lines first");
  }
  refuse(".json", "say --format jsonl if it has an object a line (or name it .jsonl)");
}

class ArgumentsReader : public TextReader {
 public:
  ArgumentsReader(std::vector<std::string> texts, bool pair)
      : texts_(std::move(texts)), pair_(pair) {
    if (pair_ && texts_.size() % 2 != 0) {
      throw UsageError(
          fmt::format("an odd number of texts ({}): --pair takes TEXT by twos: add the missing one",
                      texts_.size()));
    }
  }

  bool Next(TextRecord* record) override {
    if (next_ == texts_.size()) return false;
    record->id.reset();
    record->line = 0;
    record->text = texts_[next_++];
    record->text_pair.clear();
    if (pair_) record->text_pair = texts_[next_++];
    return true;
  }
  uint64_t bytes_read() const override { return 0; }
  std::optional<uint64_t> bytes_total() const override { return std::nullopt; }
  bool Idle(int /*wait_ms*/) override { return false; }
  void Cancel() override {}
  const std::string& name() const override { return name_; }

 private:
  std::vector<std::string> texts_;
  bool pair_;
  size_t next_ = 0;
  std::string name_ = "command line";
};

// Length in bytes of the whitespace character (Python's str.isspace) that text begins with; 0 where
// it begins with something else.
size_t LeadingSpace(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return (lead >= 0x09 && lead <= 0x0D) || (lead >= 0x1C && lead <= 0x20) ? 1 : 0;
  if (lead == 0xC2) return byte(1) == 0x85 || byte(1) == 0xA0 ? 2 : 0;
  if (lead == 0xE1) return byte(1) == 0x9A && byte(2) == 0x80 ? 3 : 0;  // U+1680
  if (lead == 0xE2 && byte(1) == 0x80) {
    // U+2000..U+200A, U+2028, U+2029, U+202F
    const unsigned tail = byte(2);
    return (tail >= 0x80 && tail <= 0x8A) || tail == 0xA8 || tail == 0xA9 || tail == 0xAF ? 3 : 0;
  }
  if (lead == 0xE2) return byte(1) == 0x81 && byte(2) == 0x9F ? 3 : 0;  // U+205F
  if (lead == 0xE3) return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;  // U+3000
  return 0;
}

// The same at the end.
size_t TrailingSpace(std::string_view text) {
  for (const size_t length : {1, 2, 3}) {
    if (text.size() >= length && LeadingSpace(text.substr(text.size() - length)) == length) {
      return length;
    }
  }
  return 0;
}

}  // namespace

std::string SourceReader::Where(int64_t line) const {
  return fmt::format("{}: line {}", source_->name(), line);
}

std::string JoinTitle(std::string_view title, std::string_view text) {
  std::string joined;
  joined.reserve(title.size() + 1 + text.size());
  joined.append(title).append(" ").append(text);
  std::string_view rest = joined;
  while (const size_t length = LeadingSpace(rest)) rest.remove_prefix(length);
  while (const size_t length = TrailingSpace(rest)) rest.remove_suffix(length);
  return std::string(rest);
}

std::optional<TextFormat> ParseTextFormat(std::string_view name) {
  if (name == "lines") return TextFormat::kLines;
  if (name == "jsonl") return TextFormat::kJsonl;
  if (name == "csv") return TextFormat::kCsv;
  if (name == "tsv") return TextFormat::kTsv;
  return std::nullopt;
}

std::unique_ptr<TextReader> OpenTextReader(const std::string& path,
                                           const TextReaderOptions& options, int stop_fd) {
  TextReaderOptions chosen = options;
  if (!chosen.format) {
    RefuseOtherFormats(path);
    chosen.format = FormatOfPath(path);
  }
  return MakeTextReader(ByteSource::Open(path, stop_fd), chosen);
}

std::unique_ptr<TextReader> MakeTextReader(std::unique_ptr<ByteSource> source,
                                           const TextReaderOptions& options) {
  if (options.format == TextFormat::kLines && options.field) {
    throw UsageError(fmt::format(
        "option without effect: --field {}: {} is read as lines; say --format jsonl, csv or tsv",
        Printable(*options.field, 60), Printable(source->name(), 1000)));
  }
  switch (options.format.value()) {
    case TextFormat::kJsonl:
      return MakeJsonlReader(std::move(source), options);
    case TextFormat::kCsv:
    case TextFormat::kTsv:
      return MakeTableReader(std::move(source), options);
    case TextFormat::kLines:
      break;
  }
  return MakeLinesReader(std::move(source), options);
}

std::unique_ptr<TextReader> ReadArguments(std::vector<std::string> texts, bool pair) {
  return std::make_unique<ArgumentsReader>(std::move(texts), pair);
}

}  // namespace bge::cli
