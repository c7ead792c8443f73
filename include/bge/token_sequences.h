// Tokens that the caller has made itself, as they go into a model's encoder.
#ifndef BGE_TOKEN_SEQUENCES_H_
#define BGE_TOKEN_SEQUENCES_H_

#include <cstdint>
#include <span>

namespace bge {

/// Sequences one after another, no padding: sequence n is tokens cu_seqlens[n] <= t < cu_seqlens[n
/// + 1]. The spans are the caller's.
struct TokenSequences {
  std::span<const int32_t> ids = {};         ///< [T]
  std::span<const int32_t> type_ids = {};    ///< [T], or empty: all 0
  std::span<const int32_t> cu_seqlens = {};  ///< [N + 1], from 0 to T, strictly ascending
};

}  // namespace bge

#endif  // BGE_TOKEN_SEQUENCES_H_
