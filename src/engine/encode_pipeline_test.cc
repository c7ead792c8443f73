#include "engine/encode_pipeline.h"

#include "base/error.h"
#include "base/keyed_hash.h"
#include "engine/test_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bge {
namespace {

// Runs calls whose "vector" of a text is the number of its tokens.
class EncodePipelineTest : public testing::Test {
 protected:
  // 200 different texts of 3 to 102 tokens, shortest first, and then the same again.
  EncodePipelineTest() {
    for (int i = 0; i < 400; ++i) texts_.push_back((i % 2 != 0 ? "b " : "a ") + Body(i % 200));
    views_.assign(texts_.begin(), texts_.end());
    vectors_.resize(texts_.size());
  }
  static std::string Body(int i) { return test::Words(i / 2); }

  EncodeWork Work(int64_t window_tokens) {
    return {.texts = views_,
            .tokenizer = {.tokenizer = tokenizer_,
                          .prompt = "",
                          .max_length = 1000,
                          .hash = hash_,
                          .check = [this](std::span<const int32_t>) { ++tokenized_; }},
            .max_batch_tokens = 1 << 20,
            .compute =
                [this](const TokenizedTexts& window, std::span<const int64_t> batch) {
                  for (const int64_t i : batch) {
                    EXPECT_EQ(vectors_[static_cast<size_t>(i)], 0) << i;
                    vectors_[static_cast<size_t>(i)] = window.length(i);
                    ++computed_;
                  }
                },
            .copy =
                [this](int64_t from, int64_t to) {
                  EXPECT_NE(vectors_[static_cast<size_t>(from)], 0) << from;
                  EXPECT_EQ(vectors_[static_cast<size_t>(to)], 0) << to;
                  vectors_[static_cast<size_t>(to)] = vectors_[static_cast<size_t>(from)];
                },
            .window_tokens = window_tokens};
  }

  const Tokenizer tokenizer_ = test::TwoWordTokenizer();
  const KeyedHash hash_ = KeyedHash::WithRandomKey();
  std::vector<std::string> texts_;
  std::vector<std::string_view> views_;
  std::vector<int64_t> vectors_;
  std::atomic<int64_t> tokenized_ = 0;
  std::atomic<int64_t> computed_ = 0;
};

TEST_F(EncodePipelineTest, EveryTextIsComputedOrCopiedOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const int64_t window_tokens : {0, 1, 100, 1000, 1000000}) {
      for (const int64_t batch_tokens : {0, 1, 100, 1000000}) {
        SCOPED_TRACE(std::to_string(threads) + " threads, " + std::to_string(window_tokens) + ", " +
                     std::to_string(batch_tokens));
        std::fill(vectors_.begin(), vectors_.end(), 0);
        tokenized_ = 0;
        computed_ = 0;
        EncodeWork work = Work(window_tokens);
        work.batch_tokens = batch_tokens;
        std::vector<int64_t> progress = {0};
        work.progress = [&](int64_t done, int64_t total) {
          EXPECT_EQ(total, 400);
          EXPECT_GT(done, progress.back());
          progress.push_back(done);
        };
        const EncodeStats stats = EncodeTexts(work, pool);
        int64_t tokens = 0;
        for (int i = 0; i < 400; ++i) {
          EXPECT_EQ(vectors_[static_cast<size_t>(i)], i % 200 / 2 + 3) << i;
          tokens += i % 200 / 2 + 3;
        }
        EXPECT_EQ(tokenized_, 400);
        EXPECT_EQ(computed_, 200);
        EXPECT_EQ(progress.back(), 400);
        EXPECT_EQ(stats.texts, 400);
        EXPECT_EQ(stats.tokens, tokens);
        EXPECT_EQ(stats.truncated_texts, 0);
      }
    }
  }
}

TEST_F(EncodePipelineTest, NoTextsAreNoWork) {
  ThreadPool pool(2);
  views_.clear();
  EXPECT_EQ(EncodeTexts(Work(0), pool).texts, 0);
}

TEST_F(EncodePipelineTest, TokenisesTheWindowsAheadAndNoMore) {
  // Windows of 2 x 500 tokens: some 20 of them.
  ThreadPool pool(2);
  EncodeWork work = Work(500);
  std::atomic<int64_t> most_ahead = 0;
  const auto compute = work.compute;
  work.compute = [&](const TokenizedTexts& window, std::span<const int64_t> batch) {
    most_ahead = std::max<int64_t>(most_ahead, tokenized_ - window.end());
    compute(window, batch);
  };
  EncodeTexts(work, pool);
  EXPECT_GT(most_ahead, 0);
  EXPECT_LT(most_ahead, 150);  // two windows of short texts
}

TEST_F(EncodePipelineTest, AThreadTokenisesWhileAnotherComputes) {
  // Of three windows: a batch of the first is not done until all of the last is tokenised. Were
  // that to come after it, the wait would run out.
  ThreadPool pool(2);
  EncodeWork work = Work(1800);
  std::mutex mu;
  std::condition_variable changed;
  int tokenized = 0;  // guarded by mu
  work.tokenizer.check = [&](std::span<const int32_t>) {
    const std::lock_guard lock(mu);
    ++tokenized;
    changed.notify_all();
  };
  std::atomic<int> waited = 0;
  const auto compute = work.compute;
  work.compute = [&](const TokenizedTexts& window, std::span<const int64_t> batch) {
    compute(window, batch);
    if (window.begin() > 0 || waited++ > 0) return;
    EXPECT_LT(window.end(), 180);  // a third of the tokens
    std::unique_lock lock(mu);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return tokenized == 400; }));
  };
  EncodeTexts(work, pool);
  EXPECT_GT(waited, 0);
}

TEST_F(EncodePipelineTest, StopsWhenAsked) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::stop_source stop;
    EncodeWork work = Work(500);
    work.stop = stop.get_token();
    work.compute = [&](const TokenizedTexts&, std::span<const int64_t>) {
      ++computed_;
      stop.request_stop();
    };
    computed_ = 0;
    try {
      EncodeTexts(work, pool);
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kCancelled);
    }
    EXPECT_LE(computed_, threads);
    tokenized_ = 0;
    EXPECT_THROW(EncodeTexts(work, pool), Error);
    EXPECT_EQ(tokenized_, 0);
  }
}

TEST_F(EncodePipelineTest, AnErrorInALaterWindowEndsTheCall) {
  ThreadPool pool(2);
  EncodeWork work = Work(500);
  work.tokenizer.check = [&](std::span<const int32_t>) {
    if (++tokenized_ == 300) throw std::runtime_error("bad text");
  };
  EXPECT_THROW(EncodeTexts(work, pool), std::runtime_error);
  EXPECT_GT(computed_, 0);
  EXPECT_LT(computed_, 200);
}

}  // namespace
}  // namespace bge
