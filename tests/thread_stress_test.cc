// Threads that share models, while others load and free some: for the thread sanitizer, and for the
// promise that results do not depend on who else is at work. $BGE_STRESS_SECONDS makes it longer.
#include "bge/bge.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace bge {
namespace {

using Clock = std::chrono::steady_clock;

const std::string kModels = std::string(BGE_TEST_DATA_DIR) + "/models/";
const std::vector<std::string> kTexts = {
    "a", "a cat on the sofa", "two", "", "the ship left the harbour at dawn, and nobody saw it",
    "a"};

// Runs f(round) on each of `threads` threads until the time is over; f says whether all was well.
void Hammer(std::vector<std::function<bool(int)>> jobs) {
  const char* const asked = std::getenv("BGE_STRESS_SECONDS");
  const auto end =
      Clock::now() + std::chrono::milliseconds(asked == nullptr ? 1500 : std::atoi(asked) * 1000);
  std::atomic<int64_t> rounds{0};
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (auto& job : jobs) {
    threads.emplace_back([&, job = std::move(job)] {
      for (int round = 0; Clock::now() < end && wrong == 0; ++round) {
        if (!job(round)) ++wrong;
        ++rounds;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(rounds, 0);
  ::testing::Test::RecordProperty("rounds", std::to_string(rounds));
}

bool AreClose(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(std::abs(a[i] - b[i]) <= 1e-6f)) return false;
  }
  return true;
}

EmbedderOptions WithThreads(int threads) {
  EmbedderOptions options;
  options.threads = threads;
  return options;
}

TEST(ThreadStress, EightThreadsShareAModelWhileOthersLoadAndFreeModels) {
  const Embedder shared = Embedder::Load(kModels + "tiny-bert", WithThreads(2));
  const std::vector<float> expected = shared.Encode(kTexts).values;
  std::vector<std::function<bool(int)>> jobs;
  for (int i = 0; i < 8; ++i) {
    jobs.push_back([&, i](int round) {
      if ((round + i) % 3 == 0) {
        const std::vector<float> one = shared.Encode(kTexts[4]);
        const auto begin = expected.begin() + 4 * shared.dimension();
        return AreClose(one, {begin, begin + shared.dimension()});
      }
      return AreClose(shared.Encode(kTexts).values, expected);
    });
  }
  for (int i = 0; i < 2; ++i) {
    jobs.push_back([&, i](int round) {
      const Embedder own = Embedder::Load(kModels + "tiny-bert", WithThreads(1 + (round + i) % 3));
      return AreClose(own.Encode(kTexts).values, expected);
    });
  }
  Hammer(std::move(jobs));
}

TEST(ThreadStress, AllKindsOfVectorsAndRerankersAtOnce) {
  const Embedder m3 = Embedder::Load(kModels + "tiny-m3", WithThreads(2));
  const Reranker reranker = Reranker::Load(kModels + "tiny-reranker");
  const Representations all = {.dense = true, .sparse = true, .colbert = true};
  const TextRepresentations expected = m3.EncodeAll(kTexts, all);
  const std::vector<float> scores = reranker.ComputeScore("a cat", kTexts);
  std::vector<std::function<bool(int)>> jobs;
  for (int i = 0; i < 4; ++i) {
    jobs.push_back([&](int) {
      const TextRepresentations made = m3.EncodeAll(kTexts, all);
      bool same = AreClose(made.dense_vecs.values, expected.dense_vecs.values);
      for (size_t t = 0; t < kTexts.size(); ++t) {
        same = same && made.lexical_weights[t].token_ids == expected.lexical_weights[t].token_ids &&
               AreClose(made.colbert_vecs[t].values, expected.colbert_vecs[t].values);
      }
      return same;
    });
    jobs.push_back([&](int) { return AreClose(reranker.ComputeScore("a cat", kTexts), scores); });
  }
  Hammer(std::move(jobs));
}

TEST(ThreadStress, CallsThatAreStoppedLeaveOthersAlone) {
  const Embedder shared = Embedder::Load(kModels + "tiny-bert", WithThreads(2));
  const std::vector<float> expected = shared.Encode(kTexts).values;
  const std::vector<std::string> many(500, kTexts[4]);
  std::vector<std::function<bool(int)>> jobs;
  for (int i = 0; i < 4; ++i) {
    jobs.push_back([&](int) { return AreClose(shared.Encode(kTexts).values, expected); });
    jobs.push_back([&, i](int round) {
      std::stop_source stop;
      EncodeOptions options;
      options.stop = stop.get_token();
      std::jthread stopper([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(100 * ((round + i) % 20)));
        stop.request_stop();
      });
      try {
        shared.Encode(many, options);
      } catch (const Error& error) {
        return error.code() == ErrorCode::kCancelled;
      }
      return true;  // it was faster
    });
  }
  Hammer(std::move(jobs));
}

TEST(ThreadStress, TokenizersAreShared) {
  const Tokenizer tokenizer = Tokenizer::Load(kModels + "tiny-m3");
  std::vector<std::vector<int32_t>> expected;
  for (const std::string& text : kTexts) expected.push_back(tokenizer.Encode(text).ids);
  std::vector<std::function<bool(int)>> jobs;
  for (int i = 0; i < 8; ++i) {
    jobs.push_back([&, i](int round) {
      const auto t = static_cast<size_t>(round + i) % kTexts.size();
      if (i == 0) return Tokenizer::Load(kModels + "tiny-m3").Encode(kTexts[t]).ids == expected[t];
      return tokenizer.Encode(kTexts[t]).ids == expected[t];
    });
  }
  Hammer(std::move(jobs));
}

}  // namespace
}  // namespace bge
