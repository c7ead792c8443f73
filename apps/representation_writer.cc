#include "apps/representation_writer.h"

#include "apps/array_file.h"
#include "apps/commands.h"
#include "apps/json_text.h"
#include "base/env.h"
#include "base/error.h"
#include "base/numeric.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>
#include <vector>

namespace bge::cli {
namespace {

// Text is handed to the output in pieces of about this size.
constexpr size_t kPieceBytes = 64 * 1024;

template <typename T>
std::string_view AsBytes(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

class JsonlWriter : public RepresentationWriter {
 public:
  JsonlWriter(const RepresentationWriterOptions& options, const Tokenizer& tokenizer,
              std::unique_ptr<OutputStream> output)
      : options_(options), tokenizer_(tokenizer), output_(std::move(output)) {}

  void Write(std::span<const TextRecord> records, const TextRepresentations& vectors) override {
    for (size_t i = 0; i < records.size(); ++i) {
      AppendLine(records[i], vectors, i);
      if (lines_.size() >= kPieceBytes) WritePiece();
    }
    WritePiece();
    output_->Flush();
  }
  void Finish(const std::stop_token& /*stop*/) override { output_->Commit(); }

 private:
  void WritePiece() {
    output_->Write(lines_);
    lines_.clear();
  }

  void Key(std::string_view name) {
    lines_ += lines_.back() == '{' ? "\"" : ",\"";
    lines_ += name;
    lines_ += "\":";
  }

  void AppendLine(const TextRecord& record, const TextRepresentations& vectors, size_t i) {
    lines_ += '{';
    if (record.id) {
      Key("_id");
      AppendJsonString(*record.id, &lines_);
    }
    if (options_.with_text) {
      Key("text");
      AppendJsonString(record.text, &lines_);
    }
    if (options_.which.dense) {
      Key("dense");
      AppendJsonFloats(vectors.dense_vecs[static_cast<int64_t>(i)], &lines_);
    }
    if (options_.which.sparse) {
      Key("sparse");
      AppendSparse(vectors.lexical_weights[i]);
    }
    if (options_.which.colbert) {
      Key("colbert");
      AppendColbert(vectors.colbert_vecs[i]);
    }
    lines_ += "}\n";
  }

  // {"token id": weight}
  void AppendSparse(const SparseVector& vector) {
    lines_ += '{';
    for (size_t n = 0; n < vector.token_ids.size(); ++n) {
      if (n > 0) lines_ += ',';
      const int32_t id = vector.token_ids[n];
      const auto token = options_.sparse_tokens ? tokenizer_.IdToToken(id) : std::nullopt;
      AppendJsonString(token ? std::string(*token) : std::to_string(id), &lines_);
      lines_ += ':';
      AppendJsonFloat(vector.weights[n], &lines_);
    }
    lines_ += '}';
  }

  void AppendColbert(const MultiVector& vector) {
    lines_ += '[';
    for (int64_t n = 0; n < vector.count(); ++n) {
      if (n > 0) lines_ += ',';
      AppendJsonFloats(vector[n], &lines_);
    }
    lines_ += ']';
  }

  const RepresentationWriterOptions options_;
  const Tokenizer& tokenizer_;
  std::unique_ptr<OutputStream> output_;
  std::string lines_;
};

// dense_vecs [N, D]; lexical weights in compressed rows: sparse_offsets [N + 1], sparse_token_ids,
// sparse_weights; colbert_offsets [N + 1] and colbert_vecs [all, D].
class ArraysWriter : public RepresentationWriter {
 public:
  ArraysWriter(const RepresentationWriterOptions& options, ArrayFormat format,
               const std::string& folder, std::unique_ptr<OutputStream> output)
      : options_(options), file_(format, folder, std::move(output), options.metadata) {
    if (options.which.dense) {
      dense_ = file_.Add("dense_vecs", ArrayType::kFloat32, options.dense_dimension);
    }
    if (options.which.sparse) {
      sparse_offsets_ = file_.Add("sparse_offsets", ArrayType::kInt64, 0);
      sparse_ids_ = file_.Add("sparse_token_ids", ArrayType::kInt32, 0);
      sparse_weights_ = file_.Add("sparse_weights", ArrayType::kFloat32, 0);
      AppendOffset(sparse_offsets_, 0);
    }
    if (options.which.colbert) {
      colbert_offsets_ = file_.Add("colbert_offsets", ArrayType::kInt64, 0);
      colbert_ = file_.Add("colbert_vecs",
                           options.colbert_float16 ? ArrayType::kFloat16 : ArrayType::kFloat32,
                           options.colbert_dimension);
      AppendOffset(colbert_offsets_, 0);
    }
  }

  void Write(std::span<const TextRecord> /*records*/, const TextRepresentations& vectors) override {
    if (options_.which.dense) {
      file_.Append(dense_, AsBytes(std::span<const float>(vectors.dense_vecs.values)));
    }
    for (const SparseVector& vector : vectors.lexical_weights) {
      file_.Append(sparse_ids_, AsBytes(std::span<const int32_t>(vector.token_ids)));
      file_.Append(sparse_weights_, AsBytes(std::span<const float>(vector.weights)));
      AppendOffset(sparse_offsets_, sparse_ += std::ssize(vector.weights));
    }
    for (const MultiVector& vector : vectors.colbert_vecs) {
      AppendColbert(vector);
      AppendOffset(colbert_offsets_, colbert_rows_ += vector.count());
    }
  }
  void Finish(const std::stop_token& stop) override { file_.Finish(stop); }

 private:
  void AppendOffset(size_t array, int64_t value) {
    file_.Append(array, AsBytes(std::span<const int64_t>(&value, 1)));
  }

  void AppendColbert(const MultiVector& vector) {
    if (!options_.colbert_float16) {
      file_.Append(colbert_, AsBytes(std::span<const float>(vector.values)));
      return;
    }
    halves_.clear();
    for (const float value : vector.values) halves_.push_back(FloatToF16(value));
    file_.Append(colbert_, AsBytes(std::span<const uint16_t>(halves_)));
  }

  const RepresentationWriterOptions options_;
  ArrayFile file_;
  size_t dense_ = 0, sparse_offsets_ = 0, sparse_ids_ = 0, sparse_weights_ = 0;
  size_t colbert_offsets_ = 0, colbert_ = 0;
  int64_t sparse_ = 0;        // weights so far
  int64_t colbert_rows_ = 0;  // vectors so far
  std::vector<uint16_t> halves_;
};

// Where the arrays of an output wait: beside a file, which is going to need the room.
std::string SpoolFolder(const std::string& path) {
  std::error_code ignored;
  const auto type = std::filesystem::status(path, ignored).type();
  const bool is_file =
      type == std::filesystem::file_type::regular || type == std::filesystem::file_type::not_found;
  if (path.empty() || path == "-" || !is_file) return GetEnv("TMPDIR").value_or("/tmp");
  const std::filesystem::path parent =
      std::filesystem::weakly_canonical(path, ignored).parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace

std::optional<Representations> ParseRepresentations(std::string_view list) {
  Representations which = {.dense = false, .sparse = false, .colbert = false};
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view word = list.substr(begin, end - begin);
    bool* const kind = word == "dense"     ? &which.dense
                       : word == "sparse"  ? &which.sparse
                       : word == "colbert" ? &which.colbert
                                           : nullptr;
    if (kind == nullptr) return std::nullopt;
    *kind = true;
    begin = end + 1;
  }
  return which;
}

std::optional<RepresentationFormat> ParseRepresentationFormat(std::string_view name) {
  if (name == "jsonl") return RepresentationFormat::kJsonl;
  if (name == "npz") return RepresentationFormat::kNpz;
  if (name == "safetensors") return RepresentationFormat::kSafetensors;
  return std::nullopt;
}

RepresentationFormat ChooseRepresentationFormat(const std::string& path) {
  if (path.empty() || path == "-") return RepresentationFormat::kJsonl;
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".jsonl" || extension == ".ndjson") return RepresentationFormat::kJsonl;
  if (extension == ".npz") return RepresentationFormat::kNpz;
  if (extension == ".safetensors") return RepresentationFormat::kSafetensors;
  throw UsageError(
      fmt::format("unknown kind of file: --output {}: with --return, and of a model without dense "
                  "vectors, end it in .npz, .safetensors or .jsonl, or say --output-format",
                  Printable(path)));
}

std::unique_ptr<RepresentationWriter> MakeRepresentationWriter(
    const RepresentationWriterOptions& options, const Tokenizer& tokenizer, const std::string& path,
    std::unique_ptr<OutputStream> output) {
  if (options.format == RepresentationFormat::kJsonl) {
    return std::make_unique<JsonlWriter>(options, tokenizer, std::move(output));
  }
  const ArrayFormat format =
      options.format == RepresentationFormat::kNpz ? ArrayFormat::kNpz : ArrayFormat::kSafetensors;
  return std::make_unique<ArraysWriter>(options, format, SpoolFolder(path), std::move(output));
}

}  // namespace bge::cli
