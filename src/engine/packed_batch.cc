#include "engine/packed_batch.h"

#include "base/error.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <utility>

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

}  // namespace

TokenizedTexts::TokenizedTexts(const Tokenizer& tokenizer, std::string_view prompt,
                               std::span<const std::string_view> texts, int64_t max_length,
                               const TokenHash& hash, ThreadPool& pool, const std::stop_token& stop)
    : entries_(texts.size()) {
  const auto n = static_cast<int64_t>(texts.size());
  const int64_t num_blocks = (n + kTextsPerBlock - 1) / kTextsPerBlock;
  blocks_.resize(static_cast<size_t>(num_blocks));
  pool.ParallelForEach(num_blocks, [&](int64_t b) {
    if (stop.stop_requested()) {
      Fail(ErrorCode::kCancelled, "encoding was cancelled", "the caller's stop token",
           "call again");
    }
    Block& block = blocks_[static_cast<size_t>(b)];
    const TokenizeOptions options = {.max_length = max_length};
    Encoding encoding;
    std::string prompted;
    for (int64_t i = b * kTextsPerBlock; i < std::min(n, (b + 1) * kTextsPerBlock); ++i) {
      std::string_view text = texts[static_cast<size_t>(i)];
      if (!prompt.empty()) {
        prompted.assign(prompt).append(text);
        text = prompted;
      }
      tokenizer.EncodeInto(text, options, &encoding);
      entries_[static_cast<size_t>(i)] = {.hash = hash(std::as_bytes(std::span(encoding.ids))),
                                          .offset = static_cast<uint32_t>(block.ids.size()),
                                          .length = static_cast<int32_t>(encoding.ids.size())};
      block.ids.insert(block.ids.end(), encoding.ids.begin(), encoding.ids.end());
      block.type_ids.insert(block.type_ids.end(), encoding.type_ids.begin(),
                            encoding.type_ids.end());
      block.truncated += encoding.truncated ? 1 : 0;
    }
  });
  for (const Block& block : blocks_) {
    total_tokens_ += static_cast<int64_t>(block.ids.size());
    truncated_texts_ += block.truncated;
  }
}

TokenizedTexts::Tokens TokenizedTexts::operator[](int64_t i) const {
  const Entry& entry = entries_[static_cast<size_t>(i)];
  const Block& block = blocks_[static_cast<size_t>(i / kTextsPerBlock)];
  const auto length = static_cast<size_t>(entry.length);
  return {std::span(block.ids).subspan(entry.offset, length),
          std::span(block.type_ids).subspan(entry.offset, length)};
}

namespace {

// Cuts plan->order into batches of at most `batch_tokens`, or of one text.
void CutBatches(const TokenizedTexts& texts, int64_t batch_tokens, BatchPlan* plan) {
  plan->batches.clear();
  int64_t begin = 0;
  int64_t tokens = 0;
  const auto size = static_cast<int64_t>(plan->order.size());
  for (int64_t i = 0; i < size; ++i) {
    const int64_t length = texts.length(plan->order[static_cast<size_t>(i)]);
    if (i > begin && tokens + length > batch_tokens) {
      plan->batches.push_back({begin, i});
      begin = i;
      tokens = 0;
    }
    tokens += length;
  }
  if (begin < size) plan->batches.push_back({begin, size});
}

// Tokens of the thread that ends last when each free thread takes the next batch.
int64_t Makespan(const TokenizedTexts& texts, const BatchPlan& plan, int threads) {
  std::vector<int64_t> ends(static_cast<size_t>(threads));  // a heap, the earliest first
  for (const auto& [begin, end] : plan.batches) {
    int64_t tokens = 0;
    for (int64_t i = begin; i < end; ++i) {
      tokens += texts.length(plan.order[static_cast<size_t>(i)]);
    }
    std::pop_heap(ends.begin(), ends.end(), std::greater<>());
    ends.back() += tokens;
    std::push_heap(ends.begin(), ends.end(), std::greater<>());
  }
  return *std::max_element(ends.begin(), ends.end());
}

}  // namespace

BatchPlan PlanBatches(const TokenizedTexts& texts, std::vector<int64_t> computed,
                      int64_t batch_tokens, int64_t max_batch_tokens, int threads) {
  BatchPlan plan;
  plan.order = std::move(computed);
  std::stable_sort(plan.order.begin(), plan.order.end(),
                   [&](int64_t a, int64_t b) { return texts.length(a) > texts.length(b); });

  int64_t tokens = 0;
  for (const int64_t i : plan.order) tokens += texts.length(i);
  const int64_t share = std::max<int64_t>(1, tokens / threads);
  // As many batches as make every thread's share a whole number of them.
  const int64_t rounds = std::max<int64_t>(1, (share + kBatchTokens / 2) / kBatchTokens);
  const bool chosen = batch_tokens <= 0;
  if (chosen) batch_tokens = std::max(kMinBatchTokens, (share + rounds - 1) / rounds);
  CutBatches(texts, std::min(batch_tokens, max_batch_tokens), &plan);
  const auto makespan = static_cast<double>(Makespan(texts, plan, threads));
  plan.batches_side_by_side = makespan <= kWorstMakespan * static_cast<double>(share);
  if (chosen && !plan.batches_side_by_side) {
    CutBatches(texts, std::min(kSharedBatchTokens, max_batch_tokens), &plan);
  }
  return plan;
}

PackedTokens::PackedTokens(const TokenizedTexts& texts, std::span<const int64_t> indices) {
  size_t tokens = 0;
  for (const int64_t i : indices) tokens += static_cast<size_t>(texts.length(i));
  BGE_CHECK(tokens < std::numeric_limits<int32_t>::max());
  input_ids_.reserve(tokens);
  token_type_ids_.reserve(tokens);
  cu_seqlens_.reserve(indices.size() + 1);
  cu_seqlens_.push_back(0);
  for (const int64_t i : indices) {
    const TokenizedTexts::Tokens text = texts[i];
    input_ids_.insert(input_ids_.end(), text.ids.begin(), text.ids.end());
    token_type_ids_.insert(token_type_ids_.end(), text.type_ids.begin(), text.type_ids.end());
    cu_seqlens_.push_back(static_cast<int32_t>(input_ids_.size()));
  }
}

}  // namespace bge
