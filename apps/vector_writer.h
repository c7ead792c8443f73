// Vectors to a file or pipe, row after row, in one of four formats (docs/cli.md has their rules).
#ifndef BGE_APPS_VECTOR_WRITER_H_
#define BGE_APPS_VECTOR_WRITER_H_

#include "apps/output_stream.h"
#include "apps/text_reader.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bge::cli {

enum class VectorFormat {
  kNpy,    ///< NumPy array [N, D], float32, C order; needs a seekable output
  kJsonl,  ///< {"_id": ..., "embedding": [...]} a line
  kF32,    ///< N * D float32, little-endian, nothing else
  kText,   ///< numbers with spaces between, a line a vector
};

/// "npy", "jsonl", "f32", "text"; nullopt for other names.
std::optional<VectorFormat> ParseVectorFormat(std::string_view name);

/// The name that ParseVectorFormat knows.
std::string_view VectorFormatName(VectorFormat format);

/// The format of a file of this name, by its extension. UsageError for another extension.
VectorFormat VectorFormatOfName(const std::string& path);

/// The format that `path` asks for: by extension (.npy, .jsonl .ndjson, .f32, .txt); text for
/// standard output on a terminal and JSONL elsewhere. UsageError for another extension.
VectorFormat ChooseVectorFormat(const std::string& path, const OutputStream& output);

/// Writes rows of one dimension. Single thread.
class VectorWriter {
 public:
  virtual ~VectorWriter() = default;
  /// records[i] belongs to row i of vectors: [records.size(), dimension].
  virtual void Write(std::span<const TextRecord> records, std::span<const float> vectors) = 0;
  /// Completes the format (the .npy header), and commits the output.
  virtual void Finish() = 0;
};

/// UsageError where the format needs a seekable output and this one is not.
void CheckVectorFormat(VectorFormat format, const OutputStream& output);

/// `with_text`: JSONL rows carry the text too. The output must have passed CheckVectorFormat.
/// `rows_before`: rows that the output has already, from an earlier run.
std::unique_ptr<VectorWriter> MakeVectorWriter(VectorFormat format, int64_t dimension,
                                               bool with_text, std::unique_ptr<OutputStream> output,
                                               int64_t rows_before = 0);

}  // namespace bge::cli

#endif  // BGE_APPS_VECTOR_WRITER_H_
