#include "apps/encode_stream.h"

#include "apps/console.h"
#include "apps/hand_over.h"
#include "apps/text_batches.h"
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace bge::cli {
namespace {

// Each chunk ends with threads that wait for the last one: it is large enough for that not to
// count.
TextBatchLimits LimitsFor(int threads, const Representations& which, ChunkSize chunk) {
  if (chunk == ChunkSize::kSmall) {
    const auto n = static_cast<size_t>(threads);
    return {.max_texts = 16 * n, .max_bytes = 16 * 1024 * n};
  }
  TextBatchLimits limits;
  // A token has 4 KB of colbert vectors, and mostly 4 bytes of text; of sparse ones a text may have
  // one for every word of the vocabulary.
  if (which.colbert || which.sparse) {
    return {.max_texts = std::max<size_t>(256, static_cast<size_t>(threads) * 64),
            .max_bytes = std::max<size_t>(128 * 1024, static_cast<size_t>(threads) * 32 * 1024)};
  }
  limits.max_texts = std::max(limits.max_texts, static_cast<size_t>(threads) * 256);
  limits.max_bytes = std::max(limits.max_bytes, static_cast<size_t>(threads) * 256 * 1024);
  return limits;
}

struct EncodedBatch {
  std::vector<TextRecord> records;
  TextRepresentations vectors;
};

/// Encodes the records of a reader on a thread of its own, at most two chunks ahead of the
/// consumer.
class EncodedBatches {
 public:
  EncodedBatches(TextReader* reader, const Embedder& embedder, const Representations& which,
                 const EncodeOptions& options, const std::stop_token& stop, ChunkSize chunk)
      : embedder_(embedder),
        which_(which),
        options_(options),
        on_stop_(stop, [this] { stop_.request_stop(); }),
        progress_(reader->bytes_total()),
        batches_(reader, LimitsFor(embedder.threads(), which, chunk)),
        thread_([this] { Run(); }) {}
  // Whatever the thread waits for is ended first: reading, computing or its consumer.
  ~EncodedBatches() {
    stop_.request_stop();
    batches_.Cancel();
    ready_.Abandon();
    thread_.join();
  }
  EncodedBatches(const EncodedBatches&) = delete;
  EncodedBatches& operator=(const EncodedBatches&) = delete;

  /// The next chunk; nullopt at the end. Rethrows errors after the chunks that were complete
  /// before.
  std::optional<EncodedBatch> Next() { return ready_.Take(); }
  /// What was done: after Next() has given nullopt.
  const EncodeStats& total() const { return total_; }

 private:
  void Run() {
    std::exception_ptr error;
    try {
      while (auto batch = batches_.Next()) {
        EncodedBatch encoded = {.records = {}, .vectors = Encode(*batch)};
        encoded.records = std::move(batch->records);
        if (!ready_.Put(std::move(encoded))) return;
      }
    } catch (...) {
      error = std::current_exception();
    }
    ready_.Finish(error);
  }

  TextRepresentations Encode(const TextBatch& batch) {
    std::vector<std::string_view> texts;
    for (const TextRecord& record : batch.records) texts.push_back(record.text);
    EncodeOptions call = options_;
    call.stop = stop_.get_token();
    call.progress = [&](int64_t done, int64_t of) {
      // The tokens of the running chunk are not known yet: taken to be like those before.
      const double share = of > 0 ? static_cast<double>(done) / static_cast<double>(of) : 0;
      const auto bytes = static_cast<double>(batch.bytes_read - bytes_before_) * share;
      const double tokens_per_text =
          total_.texts > 0 ? static_cast<double>(total_.tokens) / static_cast<double>(total_.texts)
                           : 0;
      progress_.Update(
          total_.texts + done,
          total_.tokens + static_cast<int64_t>(tokens_per_text * static_cast<double>(done)),
          bytes_before_ + static_cast<uint64_t>(bytes));
    };
    TextRepresentations vectors = embedder_.EncodeAll(texts, which_, call);
    const EncodeStats& stats = vectors.stats;
    total_.texts += stats.texts;
    total_.tokens += stats.tokens;
    total_.truncated_texts += stats.truncated_texts;
    total_.max_length = stats.max_length;
    bytes_before_ = batch.bytes_read;
    progress_.Update(total_.texts, total_.tokens, bytes_before_);
    return vectors;
  }

  const Embedder& embedder_;
  const Representations which_;
  const EncodeOptions& options_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_stop_;
  Progress progress_;
  EncodeStats total_;
  uint64_t bytes_before_ = 0;
  HandOver<EncodedBatch> ready_;
  TextBatches batches_;
  std::thread thread_;
};

}  // namespace

EncodeStats EncodeStream(TextReader& reader, const Embedder& embedder, const EncodeOptions& options,
                         const RunContext& context, const VectorSink& sink, ChunkSize chunk) {
  return EncodeStream(
      reader, embedder, {.dense = true}, options, context,
      [&sink](std::span<const TextRecord> records, const TextRepresentations& vectors) {
        sink(records, vectors.dense_vecs.values);
      },
      chunk);
}

EncodeStats EncodeStream(TextReader& reader, const Embedder& embedder, const Representations& which,
                         const EncodeOptions& options, const RunContext& context,
                         const RepresentationSink& sink, ChunkSize chunk) {
  EncodeStats total;
  {
    EncodedBatches batches(&reader, embedder, which, options, context.stop, chunk);
    while (const auto batch = batches.Next()) {
      if (context.stop.stop_requested()) {
        Fail(ErrorCode::kCancelled, "interrupted", reader.name(), "run the command again");
      }
      sink(batch->records, batch->vectors);
    }
    total = batches.total();
  }
  if (total.truncated_texts > 0) {
    PrintWarning(fmt::format("{} of {} texts were longer than {} tokens and were cut",
                             WithSeparators(total.truncated_texts), WithSeparators(total.texts),
                             total.max_length));
  }
  return total;
}

}  // namespace bge::cli
