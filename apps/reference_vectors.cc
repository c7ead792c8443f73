#include "apps/reference_vectors.h"

#include "apps/npy_reader.h"
#include "apps/record_readers.h"
#include "base/error.h"
#include "base/json.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

namespace bge::cli {
namespace {

class JsonlReference : public ReferenceReader {
 public:
  JsonlReference(std::unique_ptr<ByteSource> source, TextReaderOptions options)
      : source_(std::move(source)), options_(std::move(options)) {}

  bool Next(TextRecord* record, std::vector<float>* vector) override {
    const auto document = NextJsonObject(*source_, options_);
    if (document == nullptr) return false;
    record->line = source_->line();
    FillFromJson(document->root(), options_, record);
    vector->clear();
    const auto embedding = document->root().Find("embedding");
    if (!embedding) {
      document->root().Fail("field \"embedding\" is missing",
                            "write each text's vector there, as a list of numbers");
    }
    embedding->ForEachElement([vector](const json::Value& value) {
      const double number = value.AsDouble();
      if (!(std::fabs(number) <= std::numeric_limits<float>::max())) {
        value.Fail("a number that is no float32", "check how the vectors were computed");
      }
      vector->push_back(static_cast<float>(number));
    });
    return true;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  TextReaderOptions options_;
};

class NpyReference : public ReferenceReader {
 public:
  NpyReference(const std::string& path, std::unique_ptr<TextReader> texts)
      : path_(path), matrix_(NpyMatrix::Open(path)), texts_(std::move(texts)) {}

  bool Next(TextRecord* record, std::vector<float>* vector) override {
    if (!texts_->Next(record)) {
      if (row_ != matrix_.rows()) {
        Fail(ErrorCode::kInvalidArgument,
             fmt::format("{} vectors for {} texts", matrix_.rows(), row_),
             fmt::format("{} and {}", path_, texts_->name()), "give the texts of these vectors");
      }
      return false;
    }
    if (row_ == matrix_.rows()) {
      Fail(ErrorCode::kInvalidArgument, fmt::format("{} vectors for more texts", matrix_.rows()),
           fmt::format("{} and {}", path_, texts_->name()), "give the texts of these vectors");
    }
    vector->resize(static_cast<size_t>(matrix_.columns()));
    matrix_.ReadRow(row_++, *vector);
    return true;
  }

 private:
  std::string path_;
  NpyMatrix matrix_;
  std::unique_ptr<TextReader> texts_;
  int64_t row_ = 0;
};

}  // namespace

std::unique_ptr<ReferenceReader> ReadReferenceJsonl(const std::string& path,
                                                    const TextReaderOptions& options, int stop_fd) {
  return std::make_unique<JsonlReference>(ByteSource::Open(path, stop_fd), options);
}

std::unique_ptr<ReferenceReader> ReadReferenceNpy(const std::string& path,
                                                  std::unique_ptr<TextReader> texts) {
  return std::make_unique<NpyReference>(path, std::move(texts));
}

}  // namespace bge::cli
