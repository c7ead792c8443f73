#include "engine/encode_pipeline.h"

#include "base/error.h"
#include "engine/batch_plan.h"
#include "engine/repeated_texts.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace bge {

namespace {

// Tokens of a window for each thread: 128 batches of the usual size. Its last threads then wait for
// a thousandth of its time at most; with ids, type ids and bookkeeping, a window has half a MB.
constexpr int64_t kWindowTokens = 64 * 1024;
// Batches of a window for each thread where the caller chose larger ones.
constexpr int64_t kMinBatchesPerThread = 8;
// A guess is good enough for the size of a window: English has 4 to 5 bytes a token.
constexpr int64_t kBytesPerToken = 4;
// Vectors that a thread copies at a time, where texts were repeated.
constexpr int64_t kCopiesAtOnce = 256;

// Ends of windows of about equal work, whose estimated tokens are near `window_tokens`.
std::vector<int64_t> CutWindows(const EncodeWork& work, int64_t window_tokens) {
  const auto tokens = [&work](std::string_view text) {
    return std::min(static_cast<int64_t>(text.size()) / kBytesPerToken + 2 + work.extra_tokens,
                    work.tokenizer.max_length);
  };
  int64_t total = 0;
  for (const std::string_view text : work.texts) total += tokens(text);
  const int64_t count = std::max<int64_t>(1, (total + window_tokens / 2) / window_tokens);
  const double share = static_cast<double>(total) / static_cast<double>(count);
  std::vector<int64_t> ends;
  const auto size = static_cast<int64_t>(work.texts.size());
  int64_t before = 0;
  for (int64_t i = 0; i < size; ++i) {
    before += tokens(work.texts[static_cast<size_t>(i)]);
    const auto end = static_cast<double>(ends.size() + 1) * share;
    if (static_cast<double>(before) >= end && i + 1 < size) ends.push_back(i + 1);
  }
  ends.push_back(size);
  return ends;
}

class EncodePipeline {
 public:
  EncodePipeline(const EncodeWork& work, ThreadPool& pool)
      : work_(work),
        pool_(pool),
        repeats_(work.texts),
        stats_{.texts = static_cast<int64_t>(work.texts.size())} {
    const int64_t batch_tokens = std::min(work.batch_tokens, work.max_batch_tokens);
    const int64_t window_tokens =
        work.window_tokens > 0 ? work.window_tokens
                               : std::max(kWindowTokens, batch_tokens * kMinBatchesPerThread);
    window_ends_ = CutWindows(work, window_tokens * pool.threads());
  }

  EncodeStats Run() {
    const auto num_windows = static_cast<int64_t>(window_ends_.size());
    // Each step, a window comes in at the front and one goes out at the back.
    for (int64_t step = 0; step < num_windows + 2; ++step) {
      computed_ = std::move(planned_);
      planned_ = std::move(tokenized_);
      tokenized_ = Window();
      if (step < num_windows) {
        const int64_t begin = step == 0 ? 0 : window_ends_[static_cast<size_t>(step - 1)];
        tokenized_.texts =
            TokenizedTexts(work_.texts, begin, window_ends_[static_cast<size_t>(step)]);
      }
      Step();
    }
    return stats_;
  }

 private:
  struct Window {
    TokenizedTexts texts;
    BatchPlan plan;
    std::vector<RepeatedTexts::Copy> copies;
  };

  // One loop over everything that can be done now. The order of its items is what keeps threads
  // busy: the plan, which one thread makes, first; then batches, the largest first; then the blocks
  // of texts to tokenise, which are small enough to fill what the last batches leave.
  void Step() {
    const int64_t plans = planned_.texts.num_blocks() > 0 ? 1 : 0;
    const auto batches = static_cast<int64_t>(computed_.plan.batches.size());
    const int64_t batches_in_loop = computed_.plan.side_by_side ? batches : 0;
    pool_.ParallelForEach(plans + batches_in_loop + tokenized_.texts.num_blocks(),
                          [&](int64_t item) {
                            StopIfAsked();
                            if (item < plans) return Plan(&planned_);
                            item -= plans;
                            if (item < batches_in_loop) return Compute(item);
                            tokenized_.texts.TokenizeBlock(work_.tokenizer, item - batches_in_loop);
                          });
    for (int64_t b = batches_in_loop; b < batches; ++b) {  // all threads share each
      StopIfAsked();
      Compute(b);
    }
    Copy();
    stats_.tokens += computed_.texts.total_tokens();
    stats_.truncated_texts += computed_.texts.truncated_texts();
  }

  void Plan(Window* window) {
    RepeatedTexts repeated = repeats_.Find(window->texts);
    std::vector<TextLength> lengths;
    lengths.reserve(repeated.computed.size());
    for (const int64_t i : repeated.computed) lengths.push_back({i, window->texts.length(i)});
    window->plan = PlanBatches(std::move(lengths), {.batch_tokens = work_.batch_tokens,
                                                    .max_batch_tokens = work_.max_batch_tokens,
                                                    .threads = pool_.threads()});
    window->copies = std::move(repeated.copies);
  }

  void Compute(int64_t b) {
    const auto [begin, end] = computed_.plan.batches[static_cast<size_t>(b)];
    work_.compute(computed_.texts,
                  std::span(computed_.plan.order)
                      .subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    Report(end - begin);
  }

  void Copy() {
    const auto count = static_cast<int64_t>(computed_.copies.size());
    pool_.ParallelFor(count, kCopiesAtOnce, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto [from, to] = computed_.copies[static_cast<size_t>(i)];
        work_.copy(from, to);
      }
    });
    Report(count);
  }

  void Report(int64_t texts) {
    if (!work_.progress || texts == 0) return;
    const std::lock_guard lock(progress_mu_);
    done_ += texts;
    work_.progress(done_, stats_.texts);
  }

  void StopIfAsked() const {
    if (!work_.stop.stop_requested()) return;
    Fail(ErrorCode::kCancelled, "encoding was cancelled", "the caller's stop token", "call again");
  }

  const EncodeWork& work_;
  ThreadPool& pool_;
  std::vector<int64_t> window_ends_;
  // The windows that are on their way. A step reads and writes each from one stage only.
  Window tokenized_;
  Window planned_;
  Window computed_;
  RepeatFinder repeats_;
  EncodeStats stats_;
  std::mutex progress_mu_;
  int64_t done_ = 0;  // guarded by progress_mu_
};

}  // namespace

EncodeStats EncodeTexts(const EncodeWork& work, ThreadPool& pool) {
  if (work.batch_tokens < 0) {
    Fail(ErrorCode::kInvalidArgument, "batch_tokens out of range",
         "found " + std::to_string(work.batch_tokens) + ", expected 0 or more",
         "give a number of tokens, or 0 to have it chosen");
  }
  if (work.texts.empty()) return {};
  return EncodePipeline(work, pool).Run();
}

}  // namespace bge
