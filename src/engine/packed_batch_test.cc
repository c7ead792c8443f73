#include "engine/packed_batch.h"

#include "base/error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace bge {
namespace {

class PackedBatchTest : public testing::Test {
 protected:
  PackedBatchTest() {
    path_ = std::filesystem::temp_directory_path() /
            ("bge-packed-batch-" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) +
             "-" + std::to_string(reinterpret_cast<uintptr_t>(this)) + ".json");
    std::ofstream(path_) << R"({"added_tokens":[],"normalizer":null,
      "pre_tokenizer":{"type":"WhitespaceSplit"},
      "post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},
      "model":{"type":"WordLevel","vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"b":4},
               "unk_token":"[UNK]"}})";
  }
  ~PackedBatchTest() override { std::filesystem::remove(path_); }

  TokenizedTexts Tokenize(const std::vector<std::string>& texts, std::string_view prompt = "",
                          int64_t max_length = 100) {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const Tokenizer tokenizer = Tokenizer::Load(path_);
    return TokenizedTexts(tokenizer, prompt, views, max_length, pool_, {});
  }

  static std::string Words(int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += "a ";
    return text;
  }

  std::filesystem::path path_;
  ThreadPool pool_{3};
};

TEST_F(PackedBatchTest, KeepsOrderAcrossBlocksAndCountsTruncation) {
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back(Words(i % 17));
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
  for (int i = 0; i < 300; ++i) texts.push_back(Words((i * 37) % 90));
  const TokenizedTexts tokens = Tokenize(texts);
  for (const int64_t budget : {0, 1, 50, 100, 100000}) {
    for (const int threads : {1, 2, 7}) {
      const BatchPlan plan = PlanBatches(tokens, budget, 1 << 20, threads);
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

TEST_F(PackedBatchTest, PlanKeepsAllThreadsBusy) {
  const auto plan = [&](const std::vector<int>& words, int threads) {
    std::vector<std::string> texts;
    for (const int n : words) texts.push_back(Words(n));
    return PlanBatches(Tokenize(texts, "", 1000), 0, 1 << 20, threads);
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
  const TokenizedTexts tokens = Tokenize(std::vector<std::string>(100, Words(8)));
  for (const int64_t asked : {int64_t{0}, int64_t{64}, INT64_MAX}) {
    for (const auto& [begin, end] : PlanBatches(tokens, asked, 30, 2).batches) {
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
  const Tokenizer tokenizer = Tokenizer::Load(path_);
  const std::vector<std::string_view> texts = {"a"};
  try {
    TokenizedTexts(tokenizer, "", texts, 10, pool_, stop.get_token());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace bge
