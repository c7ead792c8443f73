// JSON lines, as BEIR and FlagEmbedding write them: `_id` (or `id`), `title`, `text`.
#include "apps/record_readers.h"
#include "base/error.h"
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace bge::cli {
namespace {

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

class JsonlReader : public SourceReader {
 public:
  using SourceReader::SourceReader;

  bool Next(TextRecord* record) override {
    std::optional<std::string_view> line;
    do {
      line = source_->NextLine(options_.max_record_bytes);
      if (!line) return false;
    } while (IsBlank(*line));
    record->line = source_->line();
    const auto document = json::Document::Parse(*line, Where(record->line));
    const json::Value object = document->root();
    if (!object.is_object()) {
      Fail(ErrorCode::kCorruptData,
           fmt::format("found {}, expected an object", json::TypeName(object.type())),
           Where(record->line), "write one JSON object a line, or use --format lines");
    }
    record->id = Id(object);
    record->text_pair.clear();
    if (options_.pair) {
      record->text = object.At(options_.field.value_or("text")).AsString();
      record->text_pair = object.At("text_pair").AsString();
    } else if (options_.field) {
      record->text = object.At(*options_.field).AsString();
    } else {
      const std::string_view text = object.At("text").AsString();
      const auto title = object.FindNonNull("title");
      record->text = title ? JoinTitle(title->AsString(), text) : std::string(text);
    }
    return true;
  }

 private:
  std::optional<std::string> Id(const json::Value& object) const {
    auto id = object.FindNonNull("_id");
    if (!id) id = object.FindNonNull("id");
    if (!id) return std::nullopt;
    if (id->type() == json::Type::kInt) return fmt::format("{}", id->AsInt());
    return std::string(id->AsString());
  }
};

}  // namespace

std::unique_ptr<TextReader> MakeJsonlReader(std::unique_ptr<ByteSource> source,
                                            const TextReaderOptions& options) {
  return std::make_unique<JsonlReader>(std::move(source), options);
}

}  // namespace bge::cli
