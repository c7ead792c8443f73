#include "engine/batch_plan.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

namespace bge {

namespace {

// Measured: throughput is flat for 320 to 2,048 tokens a batch; 512 keep the activations of a layer
// (15 KB a token at hidden size 384) near the second-level cache, and leave a short tail.
constexpr int64_t kBatchTokens = 512;
// Below this a GEMM has too few rows to run at speed.
constexpr int64_t kMinBatchTokens = 64;
// Where all threads share a batch, each op is split and joined: larger batches pay for that.
constexpr int64_t kSharedBatchTokens = 2048;
// Threads that wait for the last one cost more than sharing every op does, beyond this ratio.
constexpr double kWorstMakespan = 1.15;

// Batches of at most `batch_tokens`, or of one text.
std::vector<BatchPlan::Range> CutBySize(std::span<const TextLength> texts, int64_t batch_tokens) {
  std::vector<BatchPlan::Range> batches;
  int64_t tokens = 0;
  for (int64_t i = 0; const TextLength& text : texts) {
    if (batches.empty() || text.tokens > batch_tokens - tokens) {
      batches.push_back({i, i});
      tokens = 0;
    }
    tokens += text.tokens;
    batches.back().end = ++i;
  }
  return batches;
}

// Where the batches end, in tokens from the first one's begin: every thread gets as many of the
// same sizes. The last of a thread's rounds comes in two parts, 2/3 and 1/3: threads that are late,
// or had the longer texts, take fewer of these, and what they are late by at the end is a third of
// a batch. More and smaller parts cost more than they save, because small batches are slow.
std::vector<double> BatchEnds(int64_t total, int64_t batch_tokens, int threads) {
  const double share = static_cast<double>(total) / threads;
  std::vector<double> ends;
  const auto add = [&](int64_t count, double size) {
    for (int64_t i = 0; i < count; ++i) ends.push_back((ends.empty() ? 0 : ends.back()) + size);
  };
  if (share < kMinBatchTokens) {
    const int64_t count = std::max<int64_t>(1, total / kMinBatchTokens);
    add(count, static_cast<double>(total) / static_cast<double>(count));
    return ends;
  }
  const int64_t rounds =
      std::max<int64_t>(1, std::llround(share / static_cast<double>(batch_tokens)));
  const double size = share / static_cast<double>(rounds);
  if (rounds == 1) {
    add(threads, size);
    return ends;
  }
  add((rounds - 1) * threads, size);
  add(threads, size * 2 / 3);
  add(threads, size / 3);
  return ends;
}

// Batches that end near `ends`: a text belongs to the one that its middle lies in. None has more
// than `max_batch_tokens`, or it is one text.
std::vector<BatchPlan::Range> CutAt(std::span<const TextLength> texts, std::span<const double> ends,
                                    int64_t max_batch_tokens) {
  std::vector<BatchPlan::Range> batches;
  int64_t tokens = 0;  // of the last batch
  double before = 0;   // tokens of all texts so far
  size_t place = 0;    // in ends
  for (int64_t i = 0; const TextLength& text : texts) {
    const double middle = before + static_cast<double>(text.tokens) / 2;
    bool next = batches.empty() || text.tokens > max_batch_tokens - tokens;
    for (; place + 1 < ends.size() && middle > ends[place]; ++place) next = true;
    if (next) {
      batches.push_back({i, i});
      tokens = 0;
    }
    tokens += text.tokens;
    before += static_cast<double>(text.tokens);
    batches.back().end = ++i;
  }
  return batches;
}

// Tokens of the thread that ends last when each free thread takes the next batch.
int64_t Makespan(std::span<const TextLength> texts, std::span<const BatchPlan::Range> batches,
                 int threads) {
  std::vector<int64_t> ends(static_cast<size_t>(threads));  // a heap, the earliest first
  for (const auto& [begin, end] : batches) {
    std::pop_heap(ends.begin(), ends.end(), std::greater<>());
    for (int64_t i = begin; i < end; ++i) ends.back() += texts[static_cast<size_t>(i)].tokens;
    std::push_heap(ends.begin(), ends.end(), std::greater<>());
  }
  return *std::max_element(ends.begin(), ends.end());
}

}  // namespace

BatchPlan PlanBatches(std::vector<TextLength> texts, const BatchLimits& limits) {
  std::stable_sort(texts.begin(), texts.end(),
                   [](const TextLength& a, const TextLength& b) { return a.tokens > b.tokens; });
  BatchPlan plan;
  plan.order.reserve(texts.size());
  int64_t total = 0;
  for (const TextLength& text : texts) {
    plan.order.push_back(text.text);
    total += text.tokens;
  }

  const bool chosen = limits.batch_tokens <= 0;
  if (chosen) {
    const int64_t batch_tokens = std::min(kBatchTokens, limits.max_batch_tokens);
    plan.batches =
        CutAt(texts, BatchEnds(total, batch_tokens, limits.threads), limits.max_batch_tokens);
  } else {
    plan.batches = CutBySize(texts, std::min(limits.batch_tokens, limits.max_batch_tokens));
  }
  const int64_t share = std::max<int64_t>(1, total / limits.threads);
  plan.side_by_side = static_cast<double>(Makespan(texts, plan.batches, limits.threads)) <=
                      kWorstMakespan * static_cast<double>(share);
  if (chosen && !plan.side_by_side) {
    plan.batches = CutBySize(texts, std::min(kSharedBatchTokens, limits.max_batch_tokens));
  }
  return plan;
}

}  // namespace bge
