// Some texts of a call in the packed layout: their tokens one after another.
#ifndef BGE_ENGINE_PACKED_BATCH_H_
#define BGE_ENGINE_PACKED_BATCH_H_

#include "encoder/encoder.h"
#include "engine/tokenized_texts.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bge {

/// One batch's tokens in the packed layout; owns what PackedBatch points at.
class PackedTokens {
 public:
  /// `batch`: numbers of texts of `texts`. `own_keys`: only a text's own tokens are attended to,
  /// not those that fill it up.
  PackedTokens(const TokenizedTexts& texts, std::span<const int64_t> batch, bool own_keys = false);
  PackedBatch batch() const { return {input_ids_, token_type_ids_, cu_seqlens_, key_counts_}; }

 private:
  std::vector<int32_t> input_ids_;
  std::vector<int32_t> token_type_ids_;
  std::vector<int32_t> cu_seqlens_;
  std::vector<int32_t> key_counts_;  // empty: all tokens
};

}  // namespace bge

#endif  // BGE_ENGINE_PACKED_BATCH_H_
