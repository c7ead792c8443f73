// JSON lines, as BEIR and FlagEmbedding write them: `_id` (or `id`), `title`, `text`.
#include "apps/record_readers.h"
#include "base/error.h"

#include <fmt/format.h>

namespace bge::cli {
namespace {

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

std::optional<std::string> Id(const json::Value& object) {
  auto id = object.FindNonNull("_id");
  if (!id) id = object.FindNonNull("id");
  if (!id) return std::nullopt;
  if (id->type() == json::Type::kInt) return fmt::format("{}", id->AsInt());
  if (id->type() == json::Type::kDouble) {
    id->Fail("found a number that is no integer of 64 bits", "write the id as a string");
  }
  return std::string(id->AsString());
}

class JsonlReader : public SourceReader {
 public:
  using SourceReader::SourceReader;

  bool Next(TextRecord* record) override {
    const auto document = NextJsonObject(*source_, options_);
    if (document == nullptr) return false;
    record->line = source_->line();
    FillFromJson(document->root(), options_, record);
    return true;
  }
};

}  // namespace

std::shared_ptr<const json::Document> NextJsonObject(ByteSource& source,
                                                     const TextReaderOptions& options) {
  std::optional<std::string_view> line;
  do {
    line = source.NextLine(options.max_record_bytes);
    if (!line) return nullptr;
  } while (IsBlank(*line));
  const std::string where = fmt::format("{}: line {}", source.name(), source.line());
  auto document = json::Document::Parse(*line, where, &options.stop);
  const json::Type type = document->root().type();
  if (type != json::Type::kObject) {
    Fail(ErrorCode::kCorruptData, fmt::format("found {}, expected an object", json::TypeName(type)),
         where, "write one JSON object a line, or use --format lines");
  }
  return document;
}

void FillFromJson(const json::Value& object, const TextReaderOptions& options, TextRecord* record) {
  record->id = Id(object);
  record->text_pair.clear();
  const auto at = [&object](const std::string& field, std::string_view fix) {
    const auto value = object.Find(field);
    if (!value) object.Fail(fmt::format("field \"{}\" is missing", field), fix);
    return value->AsString();
  };
  if (options.pair) {
    record->text_pair = at(options.pair_field, "name the second text of the pair so");
  }
  const std::string_view text =
      at(options.field.value_or("text"), "say with --field NAME which field is the text");
  const auto title = options.pair || options.field ? std::nullopt : object.FindNonNull("title");
  record->text = title ? JoinTitle(title->AsString(), text) : std::string(text);
}

std::unique_ptr<TextReader> MakeJsonlReader(std::unique_ptr<ByteSource> source,
                                            const TextReaderOptions& options) {
  return std::make_unique<JsonlReader>(std::move(source), options);
}

}  // namespace bge::cli
