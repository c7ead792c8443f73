// A stream of texts through the engine: read, encoded and handed on in chunks, all at once.
#ifndef BGE_APPS_ENCODE_STREAM_H_
#define BGE_APPS_ENCODE_STREAM_H_

#include "bge/embedder.h"

#include "apps/commands.h"
#include "apps/text_reader.h"

#include <cstdint>
#include <functional>
#include <span>

namespace bge::cli {

/// How many texts are encoded together before anybody sees their vectors.
enum class ChunkSize {
  kLarge,  ///< as many as make the end of a chunk not count
  kSmall,  ///< where each is to be kept as soon as it is there: a few per cent slower
};

/// Receives the records of a chunk with their vectors: [records.size(), dimension].
using VectorSink = std::function<void(std::span<const TextRecord>, std::span<const float>)>;

/// Receives the records of a chunk with all that was asked for.
using RepresentationSink =
    std::function<void(std::span<const TextRecord>, const TextRepresentations&)>;

/// Encodes all records of `reader` in chunks of bounded size and passes them to `sink` in input
/// order, on the calling thread. A thread reads and another encodes meanwhile, each at most two
/// chunks ahead of who comes after it. A slow pipe gets its vectors as soon as the texts are there.
/// Shows progress on a terminal, and reports truncated texts on standard error at the end. Returns
/// what was done. Error(kCancelled) on Ctrl-C; what `reader` and `sink` throw is rethrown.
EncodeStats EncodeStream(TextReader& reader, const Embedder& embedder, const Representations& which,
                         const EncodeOptions& options, const RunContext& context,
                         const RepresentationSink& sink, ChunkSize chunk = ChunkSize::kLarge);
/// The same with dense vectors alone.
EncodeStats EncodeStream(TextReader& reader, const Embedder& embedder, const EncodeOptions& options,
                         const RunContext& context, const VectorSink& sink,
                         ChunkSize chunk = ChunkSize::kLarge);

}  // namespace bge::cli

#endif  // BGE_APPS_ENCODE_STREAM_H_
