// Records in chunks of bounded size, read ahead by a thread.
#ifndef BGE_APPS_TEXT_BATCHES_H_
#define BGE_APPS_TEXT_BATCHES_H_

#include "apps/hand_over.h"
#include "apps/text_reader.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace bge::cli {

/// Some records, and how far the reader was after the last of them.
struct TextBatch {
  std::vector<TextRecord> records;
  uint64_t bytes_read = 0;
};

struct TextBatchLimits {
  size_t max_texts = 2048;
  size_t max_bytes = size_t{2} << 20;  ///< of text; one longer record is a batch of its own
};

/// Runs `reader` on a thread of its own, at most two batches ahead. The reader must outlive it,
/// must not be used by others meanwhile, and is cancelled on destruction. Single consumer.
class TextBatches {
 public:
  TextBatches(TextReader* reader, TextBatchLimits limits);
  ~TextBatches();
  TextBatches(const TextBatches&) = delete;
  TextBatches& operator=(const TextBatches&) = delete;

  /// The next batch, never empty; nullopt at the end. Rethrows what the reader threw, after the
  /// batches that were complete before.
  std::optional<TextBatch> Next() { return ready_.Take(); }
  /// Ends a pending Next(), and all later ones, with nullopt. May be called from another thread.
  void Cancel();

 private:
  void Run();

  TextReader* reader_;
  TextBatchLimits limits_;
  HandOver<TextBatch> ready_;
  std::thread thread_;
};

}  // namespace bge::cli

#endif  // BGE_APPS_TEXT_BATCHES_H_
