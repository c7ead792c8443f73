// Texts to packed batches: tokenise everything, sort by length, cut by token budget.
#ifndef BGE_ENGINE_PACKED_BATCH_H_
#define BGE_ENGINE_PACKED_BATCH_H_

#include "bge/tokenizer.h"

#include "base/parallel.h"
#include "encoder/encoder.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

namespace bge {

/// 64 bits for the bytes of a text's ids; called from several threads at once.
using TokenHash = std::function<uint64_t(std::span<const std::byte>)>;

/// The tokens of many texts, in few large blocks. Immutable once made.
class TokenizedTexts {
 public:
  /// Tokenises prompt + text for every text, in parallel. Error(kCancelled) when `stop` asks.
  TokenizedTexts(const Tokenizer& tokenizer, std::string_view prompt,
                 std::span<const std::string_view> texts, int64_t max_length, const TokenHash& hash,
                 ThreadPool& pool, const std::stop_token& stop);

  struct Tokens {
    std::span<const int32_t> ids;
    std::span<const int32_t> type_ids;
  };
  int64_t size() const { return static_cast<int64_t>(entries_.size()); }
  int64_t length(int64_t i) const { return entries_[static_cast<size_t>(i)].length; }
  Tokens operator[](int64_t i) const;
  /// Of the ids alone: type ids follow from them in all but strange tokenizers.
  uint64_t hash(int64_t i) const { return entries_[static_cast<size_t>(i)].hash; }
  int64_t total_tokens() const { return total_tokens_; }
  int64_t truncated_texts() const { return truncated_texts_; }

 private:
  struct Entry {
    uint64_t hash = 0;
    uint32_t offset = 0;  // into the block of this text's shard
    int32_t length = 0;
  };
  struct Block {
    std::vector<int32_t> ids;
    std::vector<int32_t> type_ids;
    int64_t truncated = 0;
  };
  static constexpr int64_t kTextsPerBlock = 64;

  std::vector<Entry> entries_;
  std::vector<Block> blocks_;
  int64_t total_tokens_ = 0;
  int64_t truncated_texts_ = 0;
};

/// Which texts are computed together: order[begin..end) for each range.
struct BatchPlan {
  struct Range {
    int64_t begin;
    int64_t end;
  };
  std::vector<int64_t> order;  // longest first
  std::vector<Range> batches;
  /// One batch a thread; otherwise all threads share the work of one batch after another, because
  /// there are too few batches, or too unequal ones, to go around.
  bool batches_side_by_side = false;
};

/// Cuts those `texts` that are in `computed` into batches of about `batch_tokens` tokens (0: chosen
/// so that the batches of a thread stay in its cache and all threads finish together), but at most
/// `max_batch_tokens`. A text longer than that is a batch of its own.
BatchPlan PlanBatches(const TokenizedTexts& texts, std::vector<int64_t> computed,
                      int64_t batch_tokens, int64_t max_batch_tokens, int threads);

/// One batch's tokens in the packed layout; owns what PackedBatch points at.
class PackedTokens {
 public:
  PackedTokens(const TokenizedTexts& texts, std::span<const int64_t> indices);
  PackedBatch batch() const { return {input_ids_, token_type_ids_, cu_seqlens_}; }

 private:
  std::vector<int32_t> input_ids_;
  std::vector<int32_t> token_type_ids_;
  std::vector<int32_t> cu_seqlens_;
};

}  // namespace bge

#endif  // BGE_ENGINE_PACKED_BATCH_H_
