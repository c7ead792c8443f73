// Keys, values and queries of attention in the order in which its tiles read them: panels, as
// attention_heads-inl.h describes them.
#include "hwy/highway.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/vector_math-inl.h"

#if defined(BGE_KERNELS_CPU_ATTENTION_PACKING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_ATTENTION_PACKING_INL_H_
#undef BGE_KERNELS_CPU_ATTENTION_PACKING_INL_H_
#else
#define BGE_KERNELS_CPU_ATTENTION_PACKING_INL_H_
#endif

#include <algorithm>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// Widths of the panels that cover `columns`: two vectors each; one for a tail that fits one.
HWY_INLINE int64_t PanelWidth(int64_t left, int64_t lanes) {
  return left > lanes ? 2 * lanes : lanes;
}

HWY_INLINE int64_t PaddedColumns(int64_t columns, int64_t lanes) {
  return (columns + lanes - 1) / lanes * lanes;
}

// to[k * width + j] = from[j * stride + k] for j < count. The other j < width may hold anything:
// each is a column of scores that nothing reads.
HWY_INLINE void TransposeKeys(const float* from, int64_t stride, int64_t count, int64_t head_dim,
                              int64_t width, float* to) {
  const hn::CappedTag<float, 4> d4;
  int64_t j = 0;
  // 4 x 4 blocks in registers where a register holds four floats (everywhere but emulation).
  if (hn::Lanes(d4) == 4) {
    const hn::Repartition<double, decltype(d4)> d2;
    for (; j + 4 <= count; j += 4) {
      const float* row = from + j * stride;
      int64_t k = 0;
      for (; k + 4 <= head_dim; k += 4) {
        const auto r0 = hn::LoadU(d4, row + k);
        const auto r1 = hn::LoadU(d4, row + stride + k);
        const auto r2 = hn::LoadU(d4, row + 2 * stride + k);
        const auto r3 = hn::LoadU(d4, row + 3 * stride + k);
        const auto l01 = hn::BitCast(d2, hn::InterleaveLower(d4, r0, r1));
        const auto l23 = hn::BitCast(d2, hn::InterleaveLower(d4, r2, r3));
        const auto u01 = hn::BitCast(d2, hn::InterleaveUpper(d4, r0, r1));
        const auto u23 = hn::BitCast(d2, hn::InterleaveUpper(d4, r2, r3));
        float* column = to + k * width + j;
        hn::Store(hn::BitCast(d4, hn::InterleaveLower(d2, l01, l23)), d4, column);
        hn::Store(hn::BitCast(d4, hn::InterleaveUpper(d2, l01, l23)), d4, column + width);
        hn::Store(hn::BitCast(d4, hn::InterleaveLower(d2, u01, u23)), d4, column + 2 * width);
        hn::Store(hn::BitCast(d4, hn::InterleaveUpper(d2, u01, u23)), d4, column + 3 * width);
      }
      for (; k < head_dim; ++k) {
        for (int64_t i = 0; i < 4; ++i) to[k * width + j + i] = row[i * stride + k];
      }
    }
  }
  for (; j < count; ++j) {
    for (int64_t k = 0; k < head_dim; ++k) to[k * width + j] = from[j * stride + k];
  }
}

// to[j * width + c] = from[j * stride + c] for c < columns, zeros for the other c < width.
template <class D>
HWY_INLINE void CopyValues(D d, const float* from, int64_t stride, int64_t count, int64_t columns,
                           int64_t width, float* to) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < count; ++j) {
    int64_t c = 0;
    for (; c + lanes <= std::min(columns, width); c += lanes) {
      hn::Store(hn::LoadU(d, from + j * stride + c), d, to + j * width + c);
    }
    for (; c < width; c += lanes) {
      const int64_t left = columns - c;
      hn::Store(
          left <= 0 ? hn::Zero(d) : LoadFirst(d, from + j * stride + c, static_cast<size_t>(left)),
          d, to + j * width + c);
    }
  }
}

// Words that hold so many numbers.
template <class Numbers>
HWY_INLINE int64_t WordsOf(int64_t count) {
  return (count + Numbers::kGroup - 1) / Numbers::kGroup;
}

// Makes keys or values into the words of a panel; float32 needs no other form.
template <class Numbers>
struct Packing {
  static HWY_INLINE void Keys(const float* from, int64_t stride, int64_t count, int64_t head_dim,
                              int64_t width, float* to) {
    TransposeKeys(from, stride, count, head_dim, width, to);
  }
  static HWY_INLINE void Values(const float* from, int64_t stride, int64_t count, int64_t columns,
                                int64_t width, float* to) {
    CopyValues(hn::ScalableTag<float>(), from, stride, count, columns, width, to);
  }
  // Of a query, in place.
  static HWY_INLINE void Row(float*, int64_t) {}
};

// What is packed for one head, in words. Each part begins on a vector's boundary.
template <class Numbers>
struct HeadSizes {
  HeadSizes(int64_t num_keys, int64_t num_queries, int64_t head_dim, int64_t lanes)
      : depth(WordsOf<Numbers>(head_dim)),
        keys(PaddedColumns(num_keys, lanes) * depth),
        values(WordsOf<Numbers>(num_keys) * PaddedColumns(head_dim, lanes)),
        queries(PaddedColumns(num_queries * head_dim, lanes)) {}
  int64_t depth;  // of a query or key
  int64_t keys;
  int64_t values;
  int64_t queries;
};

// Packs keys and values [first, first + count) of all heads: rows outside, heads inside, as the
// rows lie kilobytes apart and each visit costs a page and its cache lines.
// T: the numbers of in.k and in.v.
template <class Numbers, typename T>
HWY_NOINLINE void PackBlock(const HeadInputs& in, int64_t first, int64_t count,
                            const HeadSizes<Numbers>& sizes, float* keys, float* values) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t head_dim = in.head_dim;
  const T* const all_keys = static_cast<const T*>(in.k) + first * in.kv_stride;
  const T* const all_values = static_cast<const T*>(in.v) + first * in.kv_stride;
  for (int64_t j = 0; j < count;) {
    const int64_t panel = PanelWidth(count - j, lanes);
    const int64_t n = std::min(panel, count - j);
    for (int64_t h = 0; h < in.num_heads; ++h) {
      const T* from = all_keys + j * in.kv_stride + h * head_dim;
      Packing<Numbers>::Keys(from, in.kv_stride, n, head_dim, panel,
                             keys + h * sizes.keys + j * sizes.depth);
    }
    for (int64_t h = 0; h < in.num_heads; ++h) {
      const T* from = all_values + j * in.kv_stride + h * head_dim;
      for (int64_t c = 0; c < head_dim;) {
        const int64_t width = PanelWidth(head_dim - c, lanes);
        // A panel of keys is a whole number of words, but for the last.
        Packing<Numbers>::Values(
            from + c, in.kv_stride, n, head_dim - c, width,
            values + h * sizes.values + c * WordsOf<Numbers>(count) + j / Numbers::kGroup * width);
        c += width;
      }
    }
    j += panel;
  }
}

// Fetches the heads' queries of a row that is soon read: rows lie kilobytes apart, where the
// processor does not see what comes next. (For keys and values, read in larger pieces, it is of no
// use.)
HWY_INLINE void PrefetchQuery(const HeadInputs& in, int64_t row) {
  constexpr int64_t kLineFloats = 16;
  const float* const from = static_cast<const float*>(in.q) + row * in.q_stride;
  for (int64_t c = 0; c < in.num_heads * in.head_dim; c += kLineFloats) {
    __builtin_prefetch(from + c);
  }
}

// Row r = (q + bias) * scale for queries [begin, end) of all heads, [head_dim] words apart; of
// bfloat16 what they are.
template <class Numbers>
HWY_NOINLINE void PackQueries(const HeadInputs& in, int64_t begin, int64_t end, float scale,
                              const HeadSizes<Numbers>& sizes, float* to) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto vscale = hn::Set(d, scale);
  constexpr int64_t kRowsAhead = 8;
  for (int64_t q = begin; q < end; ++q) {
    if constexpr (Numbers::kGroup == 2) {
      if (in.narrow_q) {
        const auto* from = static_cast<const uint16_t*>(in.q) + q * in.q_stride;
        for (int64_t h = 0; h < in.num_heads; ++h) {
          Packing<Numbers>::Narrow(from + h * in.head_dim, in.head_dim,
                                   to + h * sizes.queries + (q - begin) * in.head_dim);
        }
        continue;
      }
    }
    if (q + kRowsAhead < end) PrefetchQuery(in, q + kRowsAhead);
    for (int64_t h = 0; h < in.num_heads; ++h) {
      const float* from = static_cast<const float*>(in.q) + q * in.q_stride + h * in.head_dim;
      const float* bias = in.q_bias == nullptr ? nullptr : in.q_bias + h * in.head_dim;
      float* row = to + h * sizes.queries + (q - begin) * in.head_dim;
      int64_t k = 0;
      for (; k + lanes <= in.head_dim; k += lanes) {
        auto v = hn::LoadU(d, from + k);
        if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + k));
        hn::StoreU(hn::Mul(v, vscale), d, row + k);
      }
      for (; k < in.head_dim; ++k) {
        row[k] = (from[k] + (bias == nullptr ? 0.0f : bias[k])) * scale;
      }
      Packing<Numbers>::Row(row, in.head_dim);
    }
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_ATTENTION_PACKING_INL_H_
