// Attention over some heads of one sequence: what attention.cc hands to the kernels of a number
// type.
#ifndef BGE_KERNELS_CPU_ATTENTION_H_
#define BGE_KERNELS_CPU_ATTENTION_H_

#include "kernels/cpu/scratch.h"

#include <cstdint>
#include <limits>

namespace bge::cpu {

inline constexpr int64_t kNoWindow = std::numeric_limits<int64_t>::max();

// Neighbouring heads of one sequence: row i of q of head h is at q + i * q_stride + h * head_dim,
// and so it is with k and v, biases and out.
struct HeadInputs {
  const void* q;  // of floats, or of bfloat16 for Bf16Attention's kernel, as k and v
  int64_t q_stride;
  bool narrow_q;  // bfloat16, bias included
  const void* k;
  const void* v;
  bool narrow_kv;  // bfloat16
  int64_t kv_stride;
  const float* q_bias;  // [D] or null; of floats
  const float* v_bias;  // [D] or null
  int64_t num_heads;
  int64_t num_keys;  // the first rows of k and v; q has as many or more
  int64_t head_dim;
  int64_t window;  // a query sees the keys up to so far from it; kNoWindow: all
  float scale;     // of q . k
  // [num_heads, 2 * farthest + 1], as RelativeBias has it, or null; without a window.
  const float* relative_bias;
  int64_t farthest;
  float* out;  // or null, where `rounded` takes the results
  int64_t out_stride;
  uint16_t* rounded;  // as bfloat16, by Bf16Attention's kernel alone; or null
  int64_t rounded_stride;
};

inline constexpr int64_t kKeyBlock = 512;

// Queries that are handed over together where there is a window: with the keys in front of them and
// behind them they are a block, unless that left few of them.
constexpr int64_t WindowQueries(int64_t window) {
  return window < kKeyBlock / 4 ? kKeyBlock - 2 * window : kKeyBlock / 2;
}

// Queries [begin, end) of the heads; more than one head only where the keys that they see are one
// block. With a window, begin is a multiple of WindowQueries and end the next one, or the
// sequence's.
using AttendHeadsFunction = void (*)(const HeadInputs& in, int64_t begin, int64_t end,
                                     FloatScratch& scratch);

// The kernel of the instruction set in use; null where it has none.
AttendHeadsFunction Float32Attention();
// Keys, queries, values and weights are rounded to bfloat16, sums are float32.
AttendHeadsFunction Bf16Attention();

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_ATTENTION_H_
