// The four formats, and the choice among them.
#include "apps/vector_writer.h"

#include "apps/commands.h"
#include "apps/json_text.h"
#include "apps/npy_header.h"
#include "base/error.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace bge::cli {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian");

// Text is handed to the output in pieces of about this size.
constexpr size_t kPieceBytes = 64 * 1024;

std::string_view AsBytes(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

class NpyWriter : public VectorWriter {
 public:
  NpyWriter(int64_t dimension, std::unique_ptr<OutputStream> output, int64_t rows_before)
      : dimension_(dimension), rows_(rows_before), output_(std::move(output)) {
    if (rows_before == 0) output_->Write(Header());
  }
  void Write(std::span<const TextRecord> records, std::span<const float> vectors) override {
    output_->Write(AsBytes(vectors));
    rows_ += static_cast<int64_t>(records.size());
  }
  void Finish() override {
    output_->WriteAt(0, Header());
    output_->Commit();
  }

 private:
  // Of so many rows as there are: it is written again at the end.
  std::string Header() const { return NpyHeader("<f4", std::array<int64_t, 2>{rows_, dimension_}); }

  int64_t dimension_;
  int64_t rows_;
  std::unique_ptr<OutputStream> output_;
};

class RawWriter : public VectorWriter {
 public:
  explicit RawWriter(std::unique_ptr<OutputStream> output) : output_(std::move(output)) {}
  void Write(std::span<const TextRecord> /*records*/, std::span<const float> vectors) override {
    output_->Write(AsBytes(vectors));
    output_->Flush();
  }
  void Finish() override { output_->Commit(); }

 private:
  std::unique_ptr<OutputStream> output_;
};

// A line a vector; what the line holds is the subclass's.
class LineWriter : public VectorWriter {
 public:
  LineWriter(int64_t dimension, std::unique_ptr<OutputStream> output)
      : dimension_(static_cast<size_t>(dimension)), output_(std::move(output)) {}
  void Write(std::span<const TextRecord> records, std::span<const float> vectors) override {
    for (size_t i = 0; i < records.size(); ++i) {
      AppendLine(records[i], vectors.subspan(i * dimension_, dimension_), &lines_);
      lines_.push_back('\n');
      if (lines_.size() >= kPieceBytes) WritePiece();
    }
    WritePiece();
    output_->Flush();
  }
  void Finish() override { output_->Commit(); }

 protected:
  virtual void AppendLine(const TextRecord& record, std::span<const float> vector,
                          std::string* out) = 0;

 private:
  void WritePiece() {
    output_->Write(lines_);
    lines_.clear();
  }

  size_t dimension_;
  std::unique_ptr<OutputStream> output_;
  std::string lines_;
};

class TextWriter : public LineWriter {
 public:
  using LineWriter::LineWriter;

 private:
  void AppendLine(const TextRecord& /*record*/, std::span<const float> vector,
                  std::string* out) override {
    AppendPlainFloats(vector, out);
  }
};

class JsonlWriter : public LineWriter {
 public:
  JsonlWriter(int64_t dimension, bool with_text, std::unique_ptr<OutputStream> output)
      : LineWriter(dimension, std::move(output)), with_text_(with_text) {}

 private:
  void AppendLine(const TextRecord& record, std::span<const float> vector,
                  std::string* out) override {
    out->push_back('{');
    if (record.id) {
      *out += "\"_id\":";
      AppendJsonString(*record.id, out);
      out->push_back(',');
    }
    if (with_text_) {
      *out += "\"text\":";
      AppendJsonString(record.text, out);
      out->push_back(',');
    }
    *out += "\"embedding\":";
    AppendJsonFloats(vector, out);
    out->push_back('}');
  }

  bool with_text_;
};

std::string_view Extension(std::string_view path) {
  path.remove_prefix(path.find_last_of('/') + 1);  // npos + 1 is 0
  const size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(dot);
}

}  // namespace

std::optional<VectorFormat> ParseVectorFormat(std::string_view name) {
  if (name == "npy") return VectorFormat::kNpy;
  if (name == "jsonl") return VectorFormat::kJsonl;
  if (name == "f32") return VectorFormat::kF32;
  if (name == "text") return VectorFormat::kText;
  return std::nullopt;
}

std::string_view VectorFormatName(VectorFormat format) {
  switch (format) {
    case VectorFormat::kNpy:
      return "npy";
    case VectorFormat::kF32:
      return "f32";
    case VectorFormat::kText:
      return "text";
    case VectorFormat::kJsonl:
      break;
  }
  return "jsonl";
}

VectorFormat VectorFormatOfName(const std::string& path) {
  const std::string_view extension = Extension(path);
  if (extension == ".npy") return VectorFormat::kNpy;
  if (extension == ".jsonl" || extension == ".ndjson") return VectorFormat::kJsonl;
  if (extension == ".f32") return VectorFormat::kF32;
  if (extension == ".txt") return VectorFormat::kText;
  throw UsageError(
      fmt::format("unknown kind of file: --output {}: end it in .npy, .jsonl, .f32 or .txt (of a "
                  "model without dense vectors .npz, .safetensors or .jsonl), or say "
                  "--output-format",
                  Printable(path)));
}

VectorFormat ChooseVectorFormat(const std::string& path, const OutputStream& output) {
  if (output.is_terminal()) return VectorFormat::kText;
  if (path.empty() || path == "-") return VectorFormat::kJsonl;
  return VectorFormatOfName(path);
}

void CheckVectorFormat(VectorFormat format, const OutputStream& output) {
  if (format != VectorFormat::kNpy || output.seekable()) return;
  throw UsageError(
      fmt::format("npy goes to regular files only: {}: its header is written last: use "
                  "--output-format jsonl or "
                  "f32",
                  output.name()));
}

std::unique_ptr<VectorWriter> MakeVectorWriter(VectorFormat format, int64_t dimension,
                                               bool with_text, std::unique_ptr<OutputStream> output,
                                               int64_t rows_before) {
  switch (format) {
    case VectorFormat::kNpy:
      return std::make_unique<NpyWriter>(dimension, std::move(output), rows_before);
    case VectorFormat::kF32:
      return std::make_unique<RawWriter>(std::move(output));
    case VectorFormat::kText:
      return std::make_unique<TextWriter>(dimension, std::move(output));
    case VectorFormat::kJsonl:
      break;
  }
  return std::make_unique<JsonlWriter>(dimension, with_text, std::move(output));
}

}  // namespace bge::cli
