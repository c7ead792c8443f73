// Attention of the first token of each sequence alone, which is all that a CLS-pooled model's last
// layer needs.
//
// One query a sequence: keys and values are read once, in place, and nothing is packed. A
// sequence's result is one chain of sums in the order of its keys. 4 H operations and 8 H bytes a
// token, where the whole layer takes 24 H^2: it need not be fast.
#include "kernels/cpu/ops.h"
#include "kernels/cpu/scratch.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/first_token_attention.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include <algorithm>
#include <limits>

#ifndef BGE_KERNELS_CPU_FIRST_TOKEN_ATTENTION_TYPES_
#define BGE_KERNELS_CPU_FIRST_TOKEN_ATTENTION_TYPES_
namespace bge::cpu {

// One sequence. Biases may be null.
struct FirstTokenInputs {
  const float* q;       // [H]
  const float* keys;    // row j at keys + j * stride
  const float* values;  // likewise
  int64_t stride;
  int64_t seqlen;
  const float* q_bias;  // [H]
  const float* v_bias;  // [H]
  int64_t num_heads;
  int64_t head_dim;
  float scale;
  RelativeBias relative_bias;
  float* scaled_query;  // scratch: [head_dim]
  float* weights;       // scratch: [seqlen]
  float* out;           // [H]
};

}  // namespace bge::cpu
#endif  // BGE_KERNELS_CPU_FIRST_TOKEN_ATTENTION_TYPES_

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

template <class D>
HWY_INLINE float Dot(D d, const float* a, const float* b, int64_t size) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
  }
  if (i < size) {
    const auto rest = static_cast<size_t>(size - i);
    sum = hn::MulAdd(LoadFirst(d, a + i, rest), LoadFirst(d, b + i, rest), sum);
  }
  return Sum(d, sum);
}

// to += weight * from.
template <class D>
HWY_INLINE void AddScaled(D d, float weight, const float* from, int64_t size, float* to) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto w = hn::Set(d, weight);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    hn::StoreU(hn::MulAdd(w, hn::LoadU(d, from + i), hn::LoadU(d, to + i)), d, to + i);
  }
  for (; i < size; ++i) to[i] += weight * from[i];
}

void AttendFirstToken(const FirstTokenInputs& in) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t head_dim = in.head_dim;
  constexpr float kLog2E = 1.44269504f;
  const bool biased = !in.relative_bias.values.empty();
  for (int64_t h = 0; h < in.num_heads; ++h) {
    const int64_t column = h * head_dim;
    for (int64_t i = 0; i < head_dim; ++i) {
      const float bias = in.q_bias == nullptr ? 0.0f : in.q_bias[column + i];
      in.scaled_query[i] = (in.q[column + i] + bias) * (in.scale * kLog2E);
    }
    float largest = -std::numeric_limits<float>::infinity();
    for (int64_t j = 0; j < in.seqlen; ++j) {
      float score = Dot(d, in.scaled_query, in.keys + j * in.stride + column, head_dim);
      if (biased) score += in.relative_bias.At(h, j) * kLog2E;
      in.weights[j] = score;
      largest = score > largest ? score : largest;
    }
    float sum = 0.0f;
    const auto m = hn::Set(d, largest);
    int64_t j = 0;
    for (; j + lanes <= in.seqlen; j += lanes) {
      const auto e = Exp2(d, hn::Sub(hn::LoadU(d, in.weights + j), m));
      hn::StoreU(e, d, in.weights + j);
    }
    if (j < in.seqlen) {
      const auto rest = static_cast<size_t>(in.seqlen - j);
      StoreFirst(d, Exp2(d, hn::Sub(LoadFirst(d, in.weights + j, rest), m)), in.weights + j, rest);
    }
    float* out = in.out + column;
    std::fill_n(out, head_dim, 0.0f);
    for (j = 0; j < in.seqlen; ++j) {
      sum += in.weights[j];
      AddScaled(d, in.weights[j], in.values + j * in.stride + column, head_dim, out);
    }
    const float inverse = 1.0f / sum;
    for (int64_t i = 0; i < head_dim; ++i) {
      out[i] = out[i] * inverse + (in.v_bias == nullptr ? 0.0f : in.v_bias[column + i]);
    }
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(AttendFirstToken);

void FirstTokenAttention(const OpContext& context, ConstMatrix q, ConstMatrix keys_values,
                         std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                         const AttentionOptions& attention, Matrix out) {
  const int64_t hidden_size = out.cols;
  BGE_DCHECK(q.cols == hidden_size && keys_values.cols == 2 * hidden_size);
  BGE_DCHECK(bias.empty() || static_cast<int64_t>(bias.size()) == 3 * hidden_size);
  const int64_t head_dim = hidden_size / attention.num_heads;
  context.pool.ParallelFor(q.rows, 8, [&](int64_t begin, int64_t end) {
    thread_local FloatScratch scratch;
    for (int64_t n = begin; n < end; ++n) {
      const int64_t first = cu_seqlens[static_cast<size_t>(n)];
      const auto number = static_cast<size_t>(n);
      int64_t seqlen = attention.NumKeys(number, cu_seqlens[number + 1] - first);
      if (attention.window && *attention.window < seqlen) seqlen = *attention.window + 1;
      float* memory = scratch.Floats(static_cast<size_t>(head_dim + seqlen));
      HWY_DYNAMIC_DISPATCH(AttendFirstToken)
      ({.q = q.row(n),
        .keys = keys_values.row(first),
        .values = keys_values.row(first) + hidden_size,
        .stride = keys_values.stride,
        .seqlen = seqlen,
        .q_bias = bias.empty() ? nullptr : bias.data(),
        .v_bias = bias.empty() ? nullptr : bias.data() + 2 * hidden_size,
        .num_heads = attention.num_heads,
        .head_dim = head_dim,
        .scale = attention.scale,
        .relative_bias = attention.relative_bias,
        .scaled_query = memory,
        .weights = memory + head_dim,
        .out = out.row(n)});
    }
  });
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
