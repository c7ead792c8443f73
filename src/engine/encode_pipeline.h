// The texts of one call on their way to vectors: tokenised, planned and computed, all at once.
//
// A call is cut into windows of texts. While one window is computed, the next is planned and the
// one after that tokenised, in one loop over all threads, so that memory does not grow with the
// call and the only time when a thread waits is the end of the last window.
#ifndef BGE_ENGINE_ENCODE_PIPELINE_H_
#define BGE_ENGINE_ENCODE_PIPELINE_H_

#include "bge/types.h"

#include "base/parallel.h"
#include "engine/tokenized_texts.h"

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string_view>

namespace bge {

/// A call: its texts, and what is to be done with them.
struct EncodeWork {
  std::span<const std::string_view> texts;
  TextTokenizer tokenizer;
  int64_t extra_tokens = 0;  ///< of each text, beside those of its own bytes: a guess
  int64_t batch_tokens = 0;  ///< 0: chosen
  int64_t max_batch_tokens;
  /// Computes the vectors of some texts of a window, which may be called from several threads at
  /// once, each for other texts.
  std::function<void(const TokenizedTexts& window, std::span<const int64_t> batch)> compute;
  /// Gives text `to` the vector of text `from`, which is computed; as above.
  std::function<void(int64_t from, int64_t to)> copy;
  /// May be empty. Called from one thread at a time, with rising numbers of finished texts.
  std::function<void(int64_t done, int64_t total)> progress = {};
  std::stop_token stop = {};
  int64_t window_tokens = 0;  ///< tokens of a window, for each thread; 0: chosen
};

/// Every text is computed or copied once. Rethrows the first error of any function of `work`;
/// Error(kInvalidArgument) for batch_tokens below 0, Error(kCancelled) when work.stop asks.
EncodeStats EncodeTexts(const EncodeWork& work, ThreadPool& pool);

}  // namespace bge

#endif  // BGE_ENGINE_ENCODE_PIPELINE_H_
