// The readers behind OpenTextReader, one file a format.
#ifndef BGE_APPS_RECORD_READERS_H_
#define BGE_APPS_RECORD_READERS_H_

#include "apps/text_reader.h"
#include "base/json.h"

#include <memory>
#include <string>
#include <utility>

namespace bge::cli {

/// What the readers share: a source of lines, and options.
class SourceReader : public TextReader {
 public:
  SourceReader(std::unique_ptr<ByteSource> source, TextReaderOptions options)
      : source_(std::move(source)), options_(std::move(options)) {}

  uint64_t bytes_read() const override { return source_->bytes_read(); }
  std::optional<uint64_t> bytes_total() const override { return source_->bytes_total(); }
  bool Idle(int wait_ms) override { return source_->Idle(wait_ms); }
  void Cancel() override { source_->Cancel(); }
  const std::string& name() const override { return source_->name(); }

 protected:
  /// "corpus.jsonl: line 7"
  std::string Where(int64_t line) const;

  std::unique_ptr<ByteSource> source_;
  TextReaderOptions options_;
};

/// A text a line.
std::unique_ptr<TextReader> MakeLinesReader(std::unique_ptr<ByteSource> source,
                                            const TextReaderOptions& options);
/// A JSON object a line.
std::unique_ptr<TextReader> MakeJsonlReader(std::unique_ptr<ByteSource> source,
                                            const TextReaderOptions& options);
/// Records of separated fields; `options.format` says which separator and whether quotes mean
/// anything.
std::unique_ptr<TextReader> MakeTableReader(std::unique_ptr<ByteSource> source,
                                            const TextReaderOptions& options);

/// The next line of the source that is not blank, which must be a JSON object; nullptr at the end.
/// Of `options` the limit and the stop token count.
std::shared_ptr<const json::Document> NextJsonObject(ByteSource& source,
                                                     const TextReaderOptions& options);
/// The id and text (or texts) of an object, as `options` say.
void FillFromJson(const json::Value& object, const TextReaderOptions& options, TextRecord* record);

/// `(title + " " + text).strip()` of Python.
std::string JoinTitle(std::string_view title, std::string_view text);

/// The line without a '\r' at its end.
inline std::string_view WithoutCarriageReturn(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace bge::cli

#endif  // BGE_APPS_RECORD_READERS_H_
