// The three formats, and the choice among them.
#include "apps/hit_writer.h"

#include "apps/commands.h"
#include "apps/json_text.h"
#include "base/error.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace bge::cli {
namespace {

constexpr int64_t kMinWidth = 40;
constexpr int64_t kDefaultWidth = 100;
constexpr int64_t kMinSnippet = 40;  // even where that makes the line longer
constexpr size_t kMaxIdBytes = 32;

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The beginning of `text` on one line of about `width` columns: runs of white space become one
// space, and nothing in it can move the cursor.
std::string Snippet(std::string_view text, int64_t width) {
  const auto limit = static_cast<size_t>(std::max(width, kMinSnippet));
  std::string line;
  for (const char c : text.substr(0, limit * 16)) {
    if (!IsSpace(c)) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (line.size() <= limit) return Printable(line, limit * 4);
  return Printable(line, limit - 3);
}

// Shared by the formats: pieces of text on their way to the output.
class BufferedHitWriter : public HitWriter {
 public:
  BufferedHitWriter(HitWriterOptions options, std::unique_ptr<OutputStream> output)
      : options_(std::move(options)), output_(std::move(output)) {}
  void Write(std::string_view query_id, std::string_view query,
             std::span<const Hit> hits) override {
    lines_.clear();
    Append(query_id, query, hits, &lines_);
    output_->Write(lines_);
  }
  void Flush() override { output_->Flush(); }
  void Finish() override { output_->Commit(); }

 protected:
  virtual void Append(std::string_view query_id, std::string_view query, std::span<const Hit> hits,
                      std::string* out) = 0;
  const HitWriterOptions& options() const { return options_; }

 private:
  HitWriterOptions options_;
  std::unique_ptr<OutputStream> output_;
  std::string lines_;
};

class TextHitWriter : public BufferedHitWriter {
 public:
  using BufferedHitWriter::BufferedHitWriter;

 private:
  void Append(std::string_view /*query_id*/, std::string_view query, std::span<const Hit> hits,
              std::string* out) override {
    if (options().with_query) {
      if (!first_) *out += '\n';
      first_ = false;
      *out += fmt::format("{}\n", Snippet(query, options().line_width));
    }
    if (hits.empty()) *out += "no results\n";
    for (size_t i = 0; i < hits.size(); ++i) {
      const std::string id = Printable(hits[i].id, kMaxIdBytes);
      const std::string start = fmt::format("{:>3}  {:7.4f}  {}  ", i + 1, hits[i].score, id);
      *out += start;
      *out +=
          Snippet(hits[i].text, options().line_width - static_cast<int64_t>(start.size())) + "\n";
    }
  }

  bool first_ = true;
};

class JsonlHitWriter : public BufferedHitWriter {
 public:
  using BufferedHitWriter::BufferedHitWriter;

 private:
  void Append(std::string_view query_id, std::string_view query, std::span<const Hit> hits,
              std::string* out) override {
    *out += "{\"query_id\":";
    AppendJsonString(query_id, out);
    *out += ",\"query\":";
    AppendJsonString(query, out);
    *out += ",\"hits\":[";
    for (size_t i = 0; i < hits.size(); ++i) {
      *out += i == 0 ? "{\"_id\":" : ",{\"_id\":";
      AppendJsonString(hits[i].id, out);
      *out += ",\"score\":";
      AppendJsonFloat(hits[i].score, out);
      if (options().with_text) {
        *out += ",\"text\":";
        AppendJsonString(hits[i].text, out);
      }
      *out += '}';
    }
    *out += "]}\n";
  }
};

class TrecHitWriter : public BufferedHitWriter {
 public:
  using BufferedHitWriter::BufferedHitWriter;

 private:
  // The format separates its columns by white space and has no way to write one inside a column.
  static void CheckId(std::string_view id, std::string_view whose) {
    if (!id.empty() && std::none_of(id.begin(), id.end(), IsSpace) &&
        id.find('\0') == std::string_view::npos) {
      return;
    }
    Fail(ErrorCode::kInvalidArgument, "an id cannot stand in a TREC run",
         fmt::format("{} id '{}': it is empty or has white space in it", whose, Printable(id)),
         "write JSON lines instead (--output-format jsonl)");
  }

  void Append(std::string_view query_id, std::string_view /*query*/, std::span<const Hit> hits,
              std::string* out) override {
    CheckId(query_id, "query");
    if (!query_ids_.emplace(query_id).second) {
      Fail(ErrorCode::kInvalidArgument, "a query id is there twice",
           fmt::format("query id '{}': a TREC run has one ranking for each", Printable(query_id)),
           "give every query an id of its own, or write JSON lines (--output-format jsonl)");
    }
    for (size_t i = 0; i < hits.size(); ++i) {
      CheckId(hits[i].id, "document");
      // Nine digits tell any two floats apart, so that sorting by score keeps the order.
      *out += fmt::format("{} Q0 {} {} {:.9g} {}\n", query_id, hits[i].id, i + 1, hits[i].score,
                          options().tag);
    }
  }

  std::unordered_set<std::string> query_ids_;
};

bool HasExtension(std::string_view path, std::initializer_list<std::string_view> extensions) {
  return std::any_of(extensions.begin(), extensions.end(),
                     [path](std::string_view e) { return path.ends_with(e); });
}

}  // namespace

std::optional<HitFormat> ParseHitFormat(std::string_view name) {
  if (name == "text") return HitFormat::kText;
  if (name == "jsonl") return HitFormat::kJsonl;
  if (name == "trec") return HitFormat::kTrec;
  return std::nullopt;
}

HitFormat ChooseHitFormat(const std::string& path, const OutputStream& output) {
  if (output.is_terminal()) return HitFormat::kText;
  if (path.empty() || path == "-") return HitFormat::kJsonl;
  if (HasExtension(path, {".run", ".trec"})) return HitFormat::kTrec;
  if (HasExtension(path, {".jsonl", ".ndjson"})) return HitFormat::kJsonl;
  if (HasExtension(path, {".txt"})) return HitFormat::kText;
  throw UsageError(fmt::format(
      "unknown kind of file: --output {}: end it in .run, .trec, .jsonl or .txt, or say "
      "--output-format",
      Printable(path)));
}

int64_t TerminalWidth() {
  struct winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultWidth;
  return std::max<int64_t>(size.ws_col, kMinWidth);
}

std::unique_ptr<HitWriter> MakeHitWriter(const HitWriterOptions& options,
                                         std::unique_ptr<OutputStream> output) {
  switch (options.format) {
    case HitFormat::kJsonl:
      return std::make_unique<JsonlHitWriter>(options, std::move(output));
    case HitFormat::kTrec:
      return std::make_unique<TrecHitWriter>(options, std::move(output));
    case HitFormat::kText:
      break;
  }
  return std::make_unique<TextHitWriter>(options, std::move(output));
}

}  // namespace bge::cli
