// Plain text: a text a line, whatever its bytes; in pairs, two texts with a tab between.
#include "apps/record_readers.h"
#include "base/error.h"

namespace bge::cli {
namespace {

class LinesReader : public SourceReader {
 public:
  using SourceReader::SourceReader;

  bool Next(TextRecord* record) override {
    const auto line = source_->NextLine(options_.max_record_bytes);
    if (!line) return false;
    record->id.reset();
    record->line = source_->line();
    std::string_view text = WithoutCarriageReturn(*line);
    record->text_pair.clear();
    if (options_.pair) {
      const size_t tab = text.find('\t');
      if (tab == std::string_view::npos || text.find('\t', tab + 1) != std::string_view::npos) {
        Fail(ErrorCode::kCorruptData, "not a pair of texts", Where(record->line),
             "put exactly one tab between the two texts of a line");
      }
      record->text_pair = text.substr(tab + 1);
      text = text.substr(0, tab);
    }
    record->text = text;
    return true;
  }
};

}  // namespace

std::unique_ptr<TextReader> MakeLinesReader(std::unique_ptr<ByteSource> source,
                                            const TextReaderOptions& options) {
  return std::make_unique<LinesReader>(std::move(source), options);
}

}  // namespace bge::cli
