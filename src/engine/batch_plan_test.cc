#include "engine/batch_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <queue>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

std::vector<TextLength> Texts(const std::vector<int64_t>& lengths) {
  std::vector<TextLength> texts;
  for (size_t i = 0; i < lengths.size(); ++i) {
    texts.push_back({static_cast<int64_t>(i), lengths[i]});
  }
  return texts;
}

BatchPlan Plan(const std::vector<int64_t>& lengths, int threads, int64_t batch_tokens = 0,
               int64_t max_batch_tokens = 1 << 20) {
  return PlanBatches(
      Texts(lengths),
      {.batch_tokens = batch_tokens, .max_batch_tokens = max_batch_tokens, .threads = threads});
}

TEST(BatchPlan, CoversEveryTextOnceLongestFirstWithinBudget) {
  std::vector<int64_t> lengths;
  for (int i = 0; i < 300; ++i) lengths.push_back((i * 37) % 90 + 2);
  for (const int64_t budget : {0, 1, 50, 100, 100000}) {
    for (const int threads : {1, 2, 7, 100}) {
      const BatchPlan plan = Plan(lengths, threads, budget);
      std::vector<int64_t> seen = plan.order;
      std::sort(seen.begin(), seen.end());
      for (int64_t i = 0; i < 300; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], i);
      int64_t next = 0;
      for (const auto& [begin, end] : plan.batches) {
        EXPECT_EQ(begin, next);
        EXPECT_LT(begin, end);
        next = end;
        int64_t sum = 0;
        for (int64_t i = begin; i < end; ++i) {
          const auto length = [&](int64_t place) {
            return lengths[static_cast<size_t>(plan.order[static_cast<size_t>(place)])];
          };
          sum += length(i);
          if (i > 0) {
            EXPECT_LE(length(i), length(i - 1));
          }
        }
        if (budget > 0 && end - begin > 1) {
          EXPECT_LE(sum, budget);
        }
      }
      EXPECT_EQ(next, 300);
    }
  }
}

TEST(BatchPlan, TextsKeepTheirNumbers) {
  const BatchPlan plan = PlanBatches({{.text = 70, .tokens = 3}, {.text = 90, .tokens = 5}},
                                     {.max_batch_tokens = 100, .threads = 1});
  EXPECT_EQ(plan.order, (std::vector<int64_t>{90, 70}));
  EXPECT_EQ(plan.batches.size(), 1u);
}

TEST(BatchPlan, NothingIsNoBatch) {
  EXPECT_TRUE(Plan({}, 2).batches.empty());
  EXPECT_TRUE(Plan({}, 2, 50).batches.empty());
  EXPECT_EQ(Plan({0, 0}, 2).batches.size(), 1u);  // a tokenizer may give no tokens
}

TEST(BatchPlan, SharesABatchWhereThreadsWouldBeIdle) {
  EXPECT_TRUE(Plan(std::vector<int64_t>(500, 42), 2).side_by_side);
  EXPECT_TRUE(Plan({502, 502}, 2).side_by_side);
  // One long text beside a short one, and three beside two threads, would leave a thread idle.
  EXPECT_FALSE(Plan({502, 3}, 2).side_by_side);
  EXPECT_FALSE(Plan({502, 502, 502}, 2).side_by_side);
  EXPECT_FALSE(Plan({12}, 2).side_by_side);
  const BatchPlan shared = Plan(std::vector<int64_t>(32, 20), 16);
  EXPECT_FALSE(shared.side_by_side);
  EXPECT_EQ(shared.batches.size(), 1u);
}

TEST(BatchPlan, NoBatchIsLargerThanTheLimit) {
  for (const int64_t asked : {int64_t{0}, int64_t{64}, INT64_MAX}) {
    for (const int64_t limit : {30, 100, 700}) {
      for (const auto& [begin, end] : Plan(std::vector<int64_t>(3000, 10), 2, asked, limit).batches)
        EXPECT_LE((end - begin) * 10, limit);
    }
  }
}

TEST(BatchPlan, ALongTextIsABatchOfItsOwn) {
  for (const int64_t asked : {0, 64}) {
    const BatchPlan plan = Plan({5, 900, 5}, 1, asked, 100);
    ASSERT_EQ(plan.batches.size(), 2u);
    EXPECT_EQ(plan.batches[0].end, 1);
  }
}

// Time, in tokens, until the last of `threads` is done, when each takes the next batch when it is
// free. A batch costs 35 tokens by itself (measured: 64 tokens a batch have 60 % of the throughput
// of 512); thread t is slower than thread 0 by up to `spread`.
double Makespan(const std::vector<int64_t>& lengths, const BatchPlan& plan, int threads,
                double spread) {
  const auto slowness = [&](int t) { return 1 + spread * t / threads; };
  std::priority_queue<std::pair<double, int>, std::vector<std::pair<double, int>>, std::greater<>>
      free_at;
  for (int t = 0; t < threads; ++t) free_at.emplace(0, t);
  double last = 0;
  for (const auto& [begin, end] : plan.batches) {
    double cost = 35;
    for (int64_t i = begin; i < end; ++i) {
      cost += static_cast<double>(lengths[static_cast<size_t>(plan.order[static_cast<size_t>(i)])]);
    }
    const auto [time, t] = free_at.top();
    free_at.pop();
    const double done = time + cost * slowness(t);
    free_at.emplace(done, t);
    last = std::max(last, done);
  }
  return last;
}

// The same if no thread ever waited and every batch had 512 tokens.
double Ideal(const std::vector<int64_t>& lengths, int threads, double spread) {
  double total = 0;
  for (const int64_t length : lengths) total += static_cast<double>(length) * (1 + 35.0 / 512);
  double speed = 0;
  for (int t = 0; t < threads; ++t) speed += 1 / (1 + spread * t / threads);
  return total / speed;
}

// Texts of `share` tokens for each thread.
std::vector<int64_t> RandomLengths(const std::string& kind, int64_t share, int threads) {
  std::mt19937 random(5);
  std::lognormal_distribution<double> draw(3.5, 0.9);  // half have 33 tokens and more, 1 % 270
  std::vector<int64_t> lengths;
  for (int64_t total = 0; total < share * threads; total += lengths.back()) {
    lengths.push_back(kind == "queries" ? 12
                      : kind == "long"  ? 512
                                        : std::clamp<int64_t>(std::llround(draw(random)), 3, 512));
  }
  return lengths;
}

TEST(BatchPlan, NoThreadWaitsLongAtTheEnd) {
  struct Case {
    int64_t share;
    double worst;         // threads of equal speed
    double worst_uneven;  // the slowest is a quarter slower, as beside a busy neighbour
  };
  for (const auto& [share, worst, worst_uneven] :
       {Case{65536, 1.004, 1.007}, Case{16384, 1.015, 1.02}, Case{4096, 1.05, 1.08}}) {
    for (const int threads : {2, 4, 16, 64}) {
      for (const std::string kind : {"queries", "mixed"}) {
        SCOPED_TRACE(std::to_string(share) + " tokens a thread, " + std::to_string(threads) +
                     " threads, " + kind);
        const std::vector<int64_t> lengths = RandomLengths(kind, share, threads);
        const BatchPlan plan = Plan(lengths, threads);
        EXPECT_TRUE(plan.side_by_side);
        EXPECT_LE(Makespan(lengths, plan, threads, 0) / Ideal(lengths, threads, 0), worst);
        EXPECT_LE(Makespan(lengths, plan, threads, 0.25) / Ideal(lengths, threads, 0.25),
                  worst_uneven);
      }
      // A text cannot be divided: up to one text a thread more than the share.
      const std::vector<int64_t> lengths = RandomLengths("long", share, threads);
      EXPECT_LE(Makespan(lengths, Plan(lengths, threads), threads, 0) / Ideal(lengths, threads, 0),
                1 + 512.0 / static_cast<double>(share))
          << share << " tokens a thread, " << threads << " threads, long";
    }
  }
}

}  // namespace
}  // namespace bge
