// How many texts are computed in one call where each result is large: token vectors, sparse
// weights.
#ifndef BGE_ENGINE_TEXT_CHUNK_H_
#define BGE_ENGINE_TEXT_CHUNK_H_

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

namespace bge {

/// Of `texts`, so many from `first` on: at least one, if there is one. With 300 tokens each and 128
/// values a token their vectors take 40 MB; many threads get more, so that each has batches to
/// take.
inline size_t TextChunkSize(std::span<const std::string_view> texts, size_t first, int threads) {
  const auto n_threads = static_cast<size_t>(threads);
  const size_t most = std::max<size_t>(256, n_threads * 32);
  const size_t most_bytes = std::max<size_t>(128 << 10, n_threads * (16 << 10));
  size_t bytes = 0;
  size_t n = 0;
  for (; first + n < texts.size() && n < most; ++n) {
    bytes += texts[first + n].size();
    if (n > 0 && bytes > most_bytes) break;
  }
  return n;
}

}  // namespace bge

#endif  // BGE_ENGINE_TEXT_CHUNK_H_
