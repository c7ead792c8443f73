// CSV (RFC 4180: quoted fields may hold commas, quotes and line breaks) and TSV (fields are taken
// literally, as the text/tab-separated-values type says and as the data sets of the field need).
#include "apps/record_readers.h"
#include "base/error.h"
#include "base/stop.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace bge::cli {
namespace {

// A field takes 32 bytes at least, and a line of 64 MB may be nothing but separators.
constexpr size_t kMostColumns = 65536;

// ASCII letters only.
bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

class TableReader : public SourceReader {
 public:
  TableReader(std::unique_ptr<ByteSource> source, const TextReaderOptions& options)
      : SourceReader(std::move(source), options), is_csv_(options.format == TextFormat::kCsv) {}

  bool Next(TextRecord* record) override {
    if (!ReadRecord()) return false;
    if (width_ == 0) {
      width_ = fields_.size();
      if (ChooseColumns() && !ReadRecord()) return false;
    }
    if (fields_.size() != width_) {
      Fail(ErrorCode::kCorruptData,
           fmt::format("found {} columns, expected {}", fields_.size(), width_),
           Where(record_line_),
           is_csv_ ? "put fields with commas in double quotes"
                   : "take tabs out of the texts, or use CSV or JSONL");
    }
    record->line = record_line_;
    record->id = id_column_ ? std::optional(fields_[*id_column_]) : std::nullopt;
    record->text_pair.clear();
    if (pair_column_) record->text_pair = fields_[*pair_column_];
    if (title_column_) {
      record->text = JoinTitle(fields_[*title_column_], fields_[text_column_]);
    } else {
      record->text = fields_[text_column_];
    }
    return true;
  }

 private:
  // Fills fields_ with the next record that is not an empty line; false at the end.
  bool ReadRecord() {
    for (;;) {
      const auto line = source_->NextLine(options_.max_record_bytes);
      if (!line) return false;
      record_line_ = source_->line();
      record_bytes_ = line->size();
      if (WithoutCarriageReturn(*line).empty()) continue;
      fields_.clear();
      if (is_csv_) {
        SplitCsv(*line);
      } else {
        SplitTsv(WithoutCarriageReturn(*line));
      }
      return true;
    }
  }

  // Another field of the record.
  std::string& AddField(std::string_view text) {
    if (fields_.size() == kMostColumns) {
      Fail(ErrorCode::kCorruptData, fmt::format("a record of more than {} columns", kMostColumns),
           Where(record_line_), "check that the file is a table, or use --format lines");
    }
    return fields_.emplace_back(text);
  }

  void SplitTsv(std::string_view line) {
    for (;;) {
      const size_t tab = line.find('\t');
      AddField(line.substr(0, tab));
      if (tab == std::string_view::npos) return;
      line.remove_prefix(tab + 1);
    }
  }

  // `first` is the record's first line; a quoted field that does not end on it takes more lines.
  void SplitCsv(std::string_view first) {
    std::string_view line = first;
    for (;;) {
      if (!line.starts_with('"')) {
        const size_t comma = line.find(',');
        if (comma == std::string_view::npos) {
          AddField(WithoutCarriageReturn(line));
          return;
        }
        AddField(line.substr(0, comma));
        line.remove_prefix(comma + 1);
        continue;
      }
      line.remove_prefix(1);
      line = ReadQuoted(line);
      if (WithoutCarriageReturn(line).empty()) return;
      if (!line.starts_with(',')) {
        Fail(ErrorCode::kCorruptData, "text after a closing quote, expected a comma",
             Where(source_->line()), "write a quote inside a quoted field twice");
      }
      line.remove_prefix(1);
    }
  }

  // Appends a field from just behind its opening quote; returns what follows the closing one.
  std::string_view ReadQuoted(std::string_view line) {
    std::string& field = AddField({});
    for (size_t step = 0;; ++step) {
      ThrowIfStopped(&options_.stop, step);
      const size_t quote = line.find('"');
      field.append(line.substr(0, quote));
      if (quote != std::string_view::npos) {
        line.remove_prefix(quote + 1);
        if (!line.starts_with('"')) return line;
        field.push_back('"');
        line.remove_prefix(1);
        continue;
      }
      if (record_bytes_ > options_.max_record_bytes) {
        Fail(ErrorCode::kCorruptData,
             fmt::format("a record of more than {} bytes", options_.max_record_bytes),
             Where(record_line_), "check that its quotes are closed");
      }
      const bool terminated = source_->line_was_terminated();
      const auto next = terminated ? source_->NextLine(options_.max_record_bytes) : std::nullopt;
      if (!next) {
        Fail(ErrorCode::kCorruptData, "a quoted field without its closing quote",
             Where(record_line_), "close it, or use TSV, where quotes mean nothing");
      }
      field.push_back('\n');
      record_bytes_ += next->size() + 1;
      line = *next;
    }
  }

  std::optional<size_t> Column(std::string_view name) const {
    auto found = std::find(fields_.begin(), fields_.end(), name);
    if (found == fields_.end()) {
      found = std::find_if(fields_.begin(), fields_.end(), [name](const std::string& field) {
        return EqualsIgnoringCase(field, name);
      });
    }
    if (found == fields_.end()) return std::nullopt;
    return static_cast<size_t>(found - fields_.begin());
  }

  // Decides from the first record which columns mean what; true where that record is a header.
  bool ChooseColumns() {
    if (options_.field) {
      if (const auto number = ColumnNumber(*options_.field)) {
        text_column_ = *number;
        if (options_.pair) pair_column_ = NextColumn(*number);
        return false;
      }
    }
    const std::string field = options_.field.value_or("text");
    const auto text = Column(field);
    if (!text) {
      if (options_.field) {
        Fail(ErrorCode::kInvalidArgument, fmt::format("no column {}", field), Where(record_line_),
             "check the header line; a number (from 1) chooses a column of a file without one");
      }
      ChooseByNumberOfColumns();
      return false;
    }
    text_column_ = *text;
    id_column_ = Column("_id");
    if (!id_column_) id_column_ = Column("id");
    if (options_.pair) {
      pair_column_ = Column(options_.pair_field);
      if (!pair_column_) {
        Fail(ErrorCode::kInvalidArgument, "no column " + options_.pair_field, Where(record_line_),
             "name the column of the second text so");
      }
    } else if (!options_.field) {
      title_column_ = Column("title");
    }
    return true;
  }

  // Without a header: text; id, text; with two texts a record: text, text; id, text, text.
  void ChooseByNumberOfColumns() {
    const size_t texts = options_.pair ? 2 : 1;
    if (width_ != texts && width_ != texts + 1) {
      Fail(ErrorCode::kInvalidArgument,
           fmt::format("found {} columns and no header line with a column `text`", width_),
           Where(record_line_), "choose the column with --field, by name or by number from 1");
    }
    text_column_ = width_ - texts;
    if (width_ > texts) id_column_ = 0;
    if (options_.pair) pair_column_ = text_column_ + 1;
    if (options_.on_note) {
      options_.on_note(
          fmt::format("{}: no column `text` in the first line, which is taken as data: the text is "
                      "column {}{}, "
                      "{}",
                      source_->name(), text_column_ + 1,
                      pair_column_ ? fmt::format(" and its pair column {}", *pair_column_ + 1) : "",
                      id_column_ ? "the id is column 1" : "there is no id"));
    }
  }

  std::optional<size_t> ColumnNumber(const std::string& field) const {
    size_t number = 0;
    const char* const end = field.data() + field.size();
    const auto parsed = std::from_chars(field.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    if (number == 0 || number > width_) {
      Fail(ErrorCode::kInvalidArgument,
           fmt::format("no column {}: found {} columns", number, width_), Where(record_line_),
           "columns are counted from 1");
    }
    return number - 1;
  }

  size_t NextColumn(size_t column) const {
    if (column + 1 >= width_) {
      Fail(ErrorCode::kInvalidArgument, "no column for the second text of a pair",
           Where(record_line_), "put it behind the column that --field chooses");
    }
    return column + 1;
  }

  bool is_csv_;
  std::vector<std::string> fields_;
  int64_t record_line_ = 0;
  size_t record_bytes_ = 0;
  size_t width_ = 0;  // columns of the first record; 0: not read yet
  size_t text_column_ = 0;
  std::optional<size_t> id_column_;
  std::optional<size_t> title_column_;
  std::optional<size_t> pair_column_;
};

}  // namespace

std::unique_ptr<TextReader> MakeTableReader(std::unique_ptr<ByteSource> source,
                                            const TextReaderOptions& options) {
  return std::make_unique<TableReader>(std::move(source), options);
}

}  // namespace bge::cli
