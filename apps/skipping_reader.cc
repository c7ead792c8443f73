// --on-error skip: a reader without the bad records of another.
#include "bge/error.h"

#include "apps/console.h"
#include "apps/text_reader.h"
#include "base/error.h"

#include <fmt/format.h>

#include <utility>

namespace bge::cli {
namespace {

// Bad records that are each named; of more, the number.
constexpr int64_t kNamed = 5;

class SkippingReader : public TextReader {
 public:
  SkippingReader(std::unique_ptr<TextReader> reader,
                 std::function<void(const std::string&)> on_note)
      : reader_(std::move(reader)), on_note_(std::move(on_note)) {}

  bool Next(TextRecord* record) override {
    for (;;) {
      try {
        if (reader_->Next(record)) {
          ++good_;
          return true;
        }
        break;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kCorruptData) throw;
        if (++bad_ <= kNamed) on_note_(std::string("skipped: ") + error.what());
      }
    }
    if (bad_ > 0 && good_ == 0) {
      Fail(ErrorCode::kCorruptData,
           fmt::format("no good record: all {} are bad", WithSeparators(bad_)), name(),
           "check --format and --field");
    }
    if (bad_ > 0) {
      on_note_(fmt::format("{}: skipped {} of {} records", name(), WithSeparators(bad_),
                           WithSeparators(bad_ + good_)));
      bad_ = 0;  // said once
    }
    return false;
  }
  uint64_t bytes_read() const override { return reader_->bytes_read(); }
  std::optional<uint64_t> bytes_total() const override { return reader_->bytes_total(); }
  bool Idle(int wait_ms) override { return reader_->Idle(wait_ms); }
  void Cancel() override { reader_->Cancel(); }
  const std::string& name() const override { return reader_->name(); }

 private:
  std::unique_ptr<TextReader> reader_;
  std::function<void(const std::string&)> on_note_;
  int64_t good_ = 0;
  int64_t bad_ = 0;
};

}  // namespace

std::unique_ptr<TextReader> SkipBadRecords(std::unique_ptr<TextReader> reader,
                                           std::function<void(const std::string&)> on_note) {
  return std::make_unique<SkippingReader>(std::move(reader), std::move(on_note));
}

}  // namespace bge::cli
