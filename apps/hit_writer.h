// Search results to a terminal, file or pipe, query after query, in one of three formats
// (docs/cli.md has their rules).
#ifndef BGE_APPS_HIT_WRITER_H_
#define BGE_APPS_HIT_WRITER_H_

#include "bge/index.h"

#include "apps/output_stream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bge::cli {

enum class HitFormat {
  kText,   ///< rank, score, id and the beginning of the text, a line a hit
  kJsonl,  ///< {"query_id": ..., "query": ..., "hits": [...]} a line a query
  kTrec,   ///< "qid Q0 docid rank score tag" a line a hit, as trec_eval reads it
};

struct HitWriterOptions {
  HitFormat format = HitFormat::kText;
  bool with_text = true;     ///< JSONL: hits carry their texts
  bool with_query = false;   ///< text: the query stands above its hits
  std::string tag = "bge";   ///< TREC: the name of the run
  int64_t line_width = 100;  ///< text: columns, at least 40
};

/// "text", "jsonl", "trec"; nullopt for other names.
std::optional<HitFormat> ParseHitFormat(std::string_view name);

/// The format that `path` asks for: by extension (.run .trec, .jsonl .ndjson, .txt); text for
/// standard output on a terminal and JSONL elsewhere. UsageError for another extension.
HitFormat ChooseHitFormat(const std::string& path, const OutputStream& output);

/// Columns of the terminal that standard output is; 100 where it is none.
int64_t TerminalWidth();

/// Single thread.
class HitWriter {
 public:
  virtual ~HitWriter() = default;
  /// Hits best first. Error(kInvalidArgument) for an id that the format cannot hold.
  virtual void Write(std::string_view query_id, std::string_view query,
                     std::span<const Hit> hits) = 0;
  /// Hands what was written so far to readers of a pipe.
  virtual void Flush() = 0;
  virtual void Finish() = 0;
};

std::unique_ptr<HitWriter> MakeHitWriter(const HitWriterOptions& options,
                                         std::unique_ptr<OutputStream> output);

}  // namespace bge::cli

#endif  // BGE_APPS_HIT_WRITER_H_
