#include "engine/packed_batch.h"

#include "base/error.h"

#include <limits>

namespace bge {

PackedTokens::PackedTokens(const TokenizedTexts& texts, std::span<const int64_t> batch,
                           bool own_keys) {
  size_t tokens = 0;
  for (const int64_t i : batch) tokens += static_cast<size_t>(texts.length(i));
  BGE_CHECK(tokens < std::numeric_limits<int32_t>::max());
  input_ids_.reserve(tokens);
  token_type_ids_.reserve(tokens);
  cu_seqlens_.reserve(batch.size() + 1);
  cu_seqlens_.push_back(0);
  for (const int64_t i : batch) {
    const TokenizedTexts::Tokens text = texts[i];
    input_ids_.insert(input_ids_.end(), text.ids.begin(), text.ids.end());
    token_type_ids_.insert(token_type_ids_.end(), text.type_ids.begin(), text.type_ids.end());
    cu_seqlens_.push_back(static_cast<int32_t>(input_ids_.size()));
    // A text without tokens of its own has no others to attend to.
    if (own_keys) {
      key_counts_.push_back(static_cast<int32_t>(text.own > 0 ? text.own : texts.length(i)));
    }
  }
}

}  // namespace bge
