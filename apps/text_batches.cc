#include "apps/text_batches.h"

#include <exception>
#include <utility>

namespace bge::cli {
namespace {

// A pipe that is silent for so long gets what it sent so far.
constexpr int kIdleMs = 20;

}  // namespace

TextBatches::TextBatches(TextReader* reader, TextBatchLimits limits)
    : reader_(reader), limits_(limits), thread_([this] { Run(); }) {}

TextBatches::~TextBatches() {
  Cancel();
  thread_.join();
}

void TextBatches::Cancel() {
  ready_.Abandon();
  reader_->Cancel();
}

void TextBatches::Run() {
  std::exception_ptr error;
  TextBatch batch;
  // False when nobody wants more.
  const auto hand_over = [&] {
    if (batch.records.empty()) return true;
    batch.bytes_read = reader_->bytes_read();
    return ready_.Put(std::exchange(batch, {}));
  };
  try {
    TextRecord record;
    size_t bytes = 0;
    while (reader_->Next(&record)) {
      bytes += record.text.size() + record.text_pair.size();
      batch.records.push_back(std::move(record));
      if (batch.records.size() >= limits_.max_texts || bytes >= limits_.max_bytes ||
          reader_->Idle(kIdleMs)) {
        if (!hand_over()) return;
        bytes = 0;
      }
    }
  } catch (...) {
    error = std::current_exception();
  }
  hand_over();
  ready_.Finish(error);
}

}  // namespace bge::cli
