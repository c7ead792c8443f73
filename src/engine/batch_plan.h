// Which texts are computed together, and in which order, so that no thread waits for another.
#ifndef BGE_ENGINE_BATCH_PLAN_H_
#define BGE_ENGINE_BATCH_PLAN_H_

#include <cstdint>
#include <vector>

namespace bge {

/// A text to be computed, by its number in the call.
struct TextLength {
  int64_t text;
  int64_t tokens;
};

struct BatchLimits {
  /// Tokens of a batch, at most; 0: chosen, so that the batches of a thread stay in its cache and
  /// all threads finish together.
  int64_t batch_tokens = 0;
  /// Tokens of a batch, at most, whatever was chosen. A longer text is a batch of its own.
  int64_t max_batch_tokens;
  int threads;
};

struct BatchPlan {
  struct Range {
    int64_t begin;
    int64_t end;
  };
  std::vector<int64_t> order;  // numbers of texts, longest first
  std::vector<Range> batches;  // of order; the largest first, where the sizes were chosen
  /// One batch a thread; otherwise all threads share the work of one batch after another, because
  /// there are too few batches, or too unequal ones, to go around.
  bool side_by_side = false;
};

BatchPlan PlanBatches(std::vector<TextLength> texts, const BatchLimits& limits);

}  // namespace bge

#endif  // BGE_ENGINE_BATCH_PLAN_H_
