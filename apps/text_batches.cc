#include "apps/text_batches.h"

#include <utility>

namespace bge::cli {
namespace {

// A pipe that is silent for so long gets what it sent so far.
constexpr int kIdleMs = 20;

}  // namespace

TextBatches::TextBatches(TextReader* reader, TextBatchLimits limits)
    : reader_(reader), limits_(limits), thread_([this] { Run(); }) {}

TextBatches::~TextBatches() {
  {
    const std::lock_guard lock(mu_);
    abandoned_ = true;
  }
  changed_.notify_all();
  reader_->Cancel();
  thread_.join();
}

std::optional<TextBatch> TextBatches::Next() {
  std::unique_lock lock(mu_);
  changed_.wait(lock, [this] { return ready_.has_value() || done_; });
  if (ready_) {
    std::optional<TextBatch> batch = std::move(ready_);
    ready_.reset();
    lock.unlock();
    changed_.notify_all();
    return batch;
  }
  if (error_) std::rethrow_exception(error_);
  return std::nullopt;
}

void TextBatches::Run() {
  std::exception_ptr error;
  TextBatch batch;
  // Hands the batch over once the one before it was taken; false when nobody wants more.
  const auto hand_over = [&] {
    if (batch.records.empty()) return true;
    batch.bytes_read = reader_->bytes_read();
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return !ready_.has_value() || abandoned_; });
    if (abandoned_) return false;
    ready_ = std::move(batch);
    batch = TextBatch();
    lock.unlock();
    changed_.notify_all();
    return true;
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
  {
    const std::lock_guard lock(mu_);
    done_ = true;
    error_ = error;
  }
  changed_.notify_all();
}

}  // namespace bge::cli
