// A stream of texts through the engine: read ahead, encode in chunks, hand the vectors on in order.
#ifndef BGE_APPS_ENCODE_STREAM_H_
#define BGE_APPS_ENCODE_STREAM_H_

#include "bge/embedder.h"

#include "apps/commands.h"
#include "apps/text_reader.h"

#include <cstdint>
#include <functional>
#include <span>

namespace bge::cli {

/// Receives the records of a chunk with their vectors: [records.size(), dimension].
using VectorSink = std::function<void(std::span<const TextRecord>, std::span<const float>)>;

/// Encodes all records of `reader` in chunks of bounded size (a thread reads the next while one is
/// computed) and passes them to `sink` in input order, on the calling thread. A slow pipe gets its
/// vectors as soon as the texts are there. Shows progress on a terminal, and reports truncated
/// texts on standard error at the end. Returns what was done. Error(kCancelled) on Ctrl-C.
EncodeStats EncodeStream(TextReader& reader, const Embedder& embedder, const EncodeOptions& options,
                         const RunContext& context, const VectorSink& sink);

}  // namespace bge::cli

#endif  // BGE_APPS_ENCODE_STREAM_H_
