// BGE-M3's three kinds of vectors to a file or pipe (docs/cli.md has the rules of the formats).
#ifndef BGE_APPS_REPRESENTATION_WRITER_H_
#define BGE_APPS_REPRESENTATION_WRITER_H_

#include "bge/embedder.h"

#include "apps/output_stream.h"
#include "apps/text_reader.h"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace bge::cli {

enum class RepresentationFormat { kJsonl, kNpz, kSafetensors };

struct RepresentationWriterOptions {
  RepresentationFormat format = RepresentationFormat::kJsonl;
  Representations which;
  int64_t dense_dimension = 0;
  int64_t colbert_dimension = 0;
  bool with_text = false;      ///< JSONL
  bool sparse_tokens = false;  ///< JSONL: sparse weights by token, not by id
  bool colbert_float16 = false;
  std::map<std::string, std::string> metadata;  ///< npz, safetensors: see ArrayFile
};

/// "dense,sparse,colbert" in any order; nullopt for other words.
std::optional<Representations> ParseRepresentations(std::string_view list);

/// "jsonl", "npz", "safetensors"; nullopt for other names.
std::optional<RepresentationFormat> ParseRepresentationFormat(std::string_view name);

/// By the extension of `path`; JSONL for standard output. UsageError for another extension.
RepresentationFormat ChooseRepresentationFormat(const std::string& path);

/// Single thread.
class RepresentationWriter {
 public:
  virtual ~RepresentationWriter() = default;
  virtual void Write(std::span<const TextRecord> records, const TextRepresentations& vectors) = 0;
  /// Completes the format and commits the output. Error(kCancelled) when `stop` asks.
  virtual void Finish(const std::stop_token& stop) = 0;
};

/// `path`: as given to OpenOutput. `tokenizer` must outlive the writer.
std::unique_ptr<RepresentationWriter> MakeRepresentationWriter(
    const RepresentationWriterOptions& options, const Tokenizer& tokenizer, const std::string& path,
    std::unique_ptr<OutputStream> output);

}  // namespace bge::cli

#endif  // BGE_APPS_REPRESENTATION_WRITER_H_
