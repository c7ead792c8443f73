// Texts from a file or standard input, one record at a time: memory does not grow with the input.
//
// docs/cli.md states the exact rules of each format.
#ifndef BGE_APPS_TEXT_READER_H_
#define BGE_APPS_TEXT_READER_H_

#include "apps/byte_source.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge::cli {

/// One text of the input.
struct TextRecord {
  std::optional<std::string> id;  ///< `_id` or `id`, where the format has one
  std::string text;               ///< with its title in front, where there is one
  std::string text_pair;          ///< only when TextReaderOptions::pair
  int64_t line = 0;               ///< where the record begins, from 1; 0: not from a file
};

enum class TextFormat { kLines, kJsonl, kCsv, kTsv };

struct TextReaderOptions {
  /// nullopt: by the extension (.jsonl .ndjson, .csv, .tsv, else lines).
  std::optional<TextFormat> format;
  /// JSON field, or column by name (the file has a header line) or by number from 1 (it has none).
  /// nullopt: `text`, with `title` joined in front.
  std::optional<std::string> field;
  /// Read two texts a record: `text` and `text_pair`, or two columns, or two texts with a tab
  /// between.
  bool pair = false;
  /// JSON field or column of the second text.
  std::string pair_field = "text_pair";
  /// Called with one line where a table's first record is taken as data; maybe from another thread.
  std::function<void(const std::string&)> on_note = {};
  /// A record longer than this is an error naming its line.
  size_t max_record_bytes = size_t{64} << 20;
  /// Ends the work on a record that has been read, with Error(kCancelled). (What is still to be
  /// read: stop_fd and Cancel().)
  std::stop_token stop = {};
};

/// A stream of records. Single thread. Errors name file and line: kCorruptData is about one record,
/// and the next call goes on behind it; kInvalidArgument (no such column) is about all.
class TextReader {
 public:
  virtual ~TextReader() = default;

  /// Fills *record (its strings are reused) and returns true, or returns false at the end.
  virtual bool Next(TextRecord* record) = 0;
  /// Bytes consumed so far, and the size of the whole input where it is known (a regular file).
  virtual uint64_t bytes_read() const = 0;
  virtual std::optional<uint64_t> bytes_total() const = 0;
  /// The producer at the other end of a pipe is slow: nothing complete is buffered now, and nothing
  /// arrived within `wait_ms`. Always false for regular files.
  virtual bool Idle(int wait_ms) = 0;
  /// Ends a pending Next() that waits for input, and later ones that would, with Error(kCancelled).
  /// The one method that may be called from another thread.
  virtual void Cancel() = 0;
  /// The file's name for messages; "standard input".
  virtual const std::string& name() const = 0;
};

/// "lines", "jsonl", "csv", "tsv"; nullopt for other names.
std::optional<TextFormat> ParseTextFormat(std::string_view name);

/// Opens `path` ("-": standard input). Reading ends with Error(kCancelled) when stop_fd becomes
/// readable (-1: never). Error(kNotFound / kIo), kInvalidArgument for a directory. UsageError where
/// no format is given and the extension is that of a format which is not read (.gz, .npy, ...).
std::unique_ptr<TextReader> OpenTextReader(const std::string& path,
                                           const TextReaderOptions& options, int stop_fd);

/// The same over any source of bytes. options.format must be set.
std::unique_ptr<TextReader> MakeTextReader(std::unique_ptr<ByteSource> source,
                                           const TextReaderOptions& options);

/// The records of `reader` without those that are bad: about the first few and their number at the
/// end `on_note` is told. Error(kCorruptData) at the end where all were bad.
std::unique_ptr<TextReader> SkipBadRecords(std::unique_ptr<TextReader> reader,
                                           std::function<void(const std::string&)> on_note);

/// Texts given on the command line. options.pair takes them two by two (their number must be even).
std::unique_ptr<TextReader> ReadArguments(std::vector<std::string> texts, bool pair);

}  // namespace bge::cli

#endif  // BGE_APPS_TEXT_READER_H_
