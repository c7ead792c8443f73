#include "engine/packed_batch.h"

#include "base/error.h"
#include "base/keyed_hash.h"
#include "engine/test_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace bge {
namespace {

class PackedBatchTest : public testing::Test {
 protected:
  TokenizedTexts Tokenize(const std::vector<std::string>& texts, std::string_view prompt = "",
                          int64_t max_length = 100) {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    return TokenizedTexts(tokenizer_, prompt, views, max_length, hash_, pool_, {});
  }

  static BatchPlan Plan(const TokenizedTexts& tokens, int64_t batch_tokens,
                        int64_t max_batch_tokens, int threads) {
    std::vector<int64_t> all(static_cast<size_t>(tokens.size()));
    std::iota(all.begin(), all.end(), 0);
    return PlanBatches(tokens, all, batch_tokens, max_batch_tokens, threads);
  }

  const Tokenizer tokenizer_ = test::TwoWordTokenizer();
  ThreadPool pool_{3};
  const TokenHash hash_ = KeyedHash(1, 2);
};

TEST_F(PackedBatchTest, KeepsOrderAcrossBlocksAndCountsTruncation) {
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back(test::Words(i % 17));
  const TokenizedTexts tokens = Tokenize(texts, "", 12);
  int64_t total = 0;
  int64_t truncated = 0;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(tokens.length(i), std::min(i % 17 + 2, 12));
    EXPECT_EQ(tokens[i].ids.front(), 1);
    EXPECT_EQ(tokens[i].ids.back(), 2);
    total += tokens.length(i);
    truncated += i % 17 + 2 > 12;
  }
  EXPECT_EQ(tokens.total_tokens(), total);
  EXPECT_EQ(tokens.truncated_texts(), truncated);
}

TEST_F(PackedBatchTest, PutsThePromptInFront) {
  const TokenizedTexts tokens = Tokenize({"a"}, "b b ");
  const std::vector<int32_t> ids(tokens[0].ids.begin(), tokens[0].ids.end());
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 4, 4, 3, 2}));
}

TEST_F(PackedBatchTest, PlanCoversEveryTextOnceLongestFirstWithinBudget) {
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(test::Words((i * 37) % 90));
  const TokenizedTexts tokens = Tokenize(texts);
  for (const int64_t budget : {0, 1, 50, 100, 100000}) {
    for (const int threads : {1, 2, 7}) {
      const BatchPlan plan = Plan(tokens, budget, 1 << 20, threads);
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
          const int64_t length = tokens.length(plan.order[static_cast<size_t>(i)]);
          sum += length;
          if (i > 0) {
            EXPECT_LE(length, tokens.length(plan.order[static_cast<size_t>(i - 1)]));
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

TEST_F(PackedBatchTest, PlanLeavesOutWhatIsNotToBeComputed) {
  const TokenizedTexts tokens = Tokenize({"a", "b b b", "a", "a a"});
  const BatchPlan plan = PlanBatches(tokens, {0, 1, 3}, 0, 1 << 20, 1);
  EXPECT_EQ(plan.order, (std::vector<int64_t>{1, 3, 0}));
  ASSERT_EQ(plan.batches.size(), 1u);
  EXPECT_EQ(plan.batches[0].end, 3);
}

TEST_F(PackedBatchTest, PlanKeepsAllThreadsBusy) {
  const auto plan = [&](const std::vector<int>& words, int threads) {
    std::vector<std::string> texts;
    for (const int n : words) texts.push_back(test::Words(n));
    return Plan(Tokenize(texts, "", 1000), 0, 1 << 20, threads);
  };
  EXPECT_TRUE(plan(std::vector<int>(500, 40), 2).batches_side_by_side);
  EXPECT_TRUE(plan({500, 500}, 2).batches_side_by_side);
  // One long text beside a short one, and three beside two threads, would leave a thread idle.
  EXPECT_FALSE(plan({500, 1}, 2).batches_side_by_side);
  EXPECT_FALSE(plan({500, 500, 500}, 2).batches_side_by_side);
  EXPECT_FALSE(plan({10}, 2).batches_side_by_side);
  const BatchPlan shared = plan(std::vector<int>(32, 18), 16);
  EXPECT_FALSE(shared.batches_side_by_side);
  EXPECT_EQ(shared.batches.size(), 1u);
}

TEST_F(PackedBatchTest, NoBatchIsLargerThanTheLimit) {
  const TokenizedTexts tokens = Tokenize(std::vector<std::string>(100, test::Words(8)));
  for (const int64_t asked : {int64_t{0}, int64_t{64}, INT64_MAX}) {
    for (const auto& [begin, end] : Plan(tokens, asked, 30, 2).batches) {
      EXPECT_LE((end - begin) * 10, 30);
    }
  }
}

TEST_F(PackedBatchTest, PacksWithoutPadding) {
  const TokenizedTexts tokens = Tokenize({"a", "a b a", ""});
  const std::vector<int64_t> indices = {1, 2};
  const PackedTokens packed(tokens, indices);
  const PackedBatch batch = packed.batch();
  EXPECT_EQ(std::vector<int32_t>(batch.cu_seqlens.begin(), batch.cu_seqlens.end()),
            (std::vector<int32_t>{0, 5, 7}));
  EXPECT_EQ(std::vector<int32_t>(batch.input_ids.begin(), batch.input_ids.end()),
            (std::vector<int32_t>{1, 3, 4, 3, 2, 1, 2}));
  EXPECT_EQ(batch.num_tokens(), 7);
  EXPECT_EQ(batch.num_sequences(), 2);
}

TEST_F(PackedBatchTest, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  const std::vector<std::string_view> texts = {"a"};
  try {
    TokenizedTexts(tokenizer_, "", texts, 10, hash_, pool_, stop.get_token());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace bge
