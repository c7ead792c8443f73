// softmax(scale * q k^T) v within each sequence of a packed batch (Vaswani et al. 2017).
//
// Work item: one head of one sequence (or a part of its queries). Keys and values are taken in
// blocks of at most kKeyBlock; a block is copied once into panels that the register kernel reads in
// order:
//   keys    [panel][D][W]     a panel holds W keys, transposed; W is two vectors (one in the tail)
//   values  [panel][keys][W]  a panel holds W columns
// For each block of queries: scores = q K^T, softmax, out = P V, both products by Tile(), which
// keeps kTileRows x 2 vectors of sums in registers (12 of AVX2's 16: with 6 rows it loads 2 vectors
// and broadcasts 6 numbers for 12 multiply-adds, below the load ports' limit). The scores of a
// block (at most 24 KB) stay in the first-level cache, the packed block (D 64: 256 KB) in the
// second. With more than one block the softmax is rescaled as it goes (Milakov and Gimelshein
// 2018); max and sum of each query are then kept beside `out`, which holds the unfinished mix.
//
// The scale and log2(e) are folded into q, so that exp becomes 2^x. The key's bias adds the same
// number to all scores of a query, which softmax does not see: left out. The value's bias is added
// at the end, as the weights of a query sum to 1. Every result is one chain of multiply-adds in the
// order of keys: it depends on its sequence alone, not on neighbours, tiles or threads.
#include "kernels/cpu/ops.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include "kernels/cpu/scratch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#ifndef BGE_KERNELS_CPU_ATTENTION_TYPES_
#define BGE_KERNELS_CPU_ATTENTION_TYPES_
namespace bge::cpu {

// Neighbouring heads of one sequence: row i of q of head h is at q + i * stride + h * head_dim, and
// biases and out go on in the same way.
struct HeadInputs {
  const float* q;
  const float* k;
  const float* v;
  int64_t stride;
  const float* q_bias;  // [D] or null
  const float* v_bias;  // [D] or null
  int64_t num_heads;
  int64_t seqlen;
  int64_t head_dim;
  float scale;  // of q . k
  float* out;
  int64_t out_stride;
};

constexpr int64_t kKeyBlock = 512;
constexpr int64_t kTileRows = 6;
constexpr int64_t kMaxQueryRows = 24;
// Floats of the score tile: together with a key panel and the queries it fits a 32 KB cache.
constexpr int64_t kScoreFloats = 4096;
// Floats packed for the heads of one item: half of a 512 KB second-level cache.
constexpr int64_t kPackedFloats = 64 * 1024;

}  // namespace bge::cpu
#endif  // BGE_KERNELS_CPU_ATTENTION_TYPES_

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// sums[r][c] = sum over k < depth of a[r * a_stride + k] * panel[k * W + c], handed to `finish`.
template <int kRows, int kVectors, class D, class Finish>
HWY_INLINE void Tile(D d, const float* HWY_RESTRICT a, int64_t a_stride,
                     const float* HWY_RESTRICT panel, int64_t depth, const Finish& finish) {
  using V = hn::Vec<D>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V sums[kRows][kVectors];
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  for (int64_t k = 0; k < depth; ++k) {
    V b[kVectors];
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) b[v] = hn::Load(d, panel + v * lanes);
    panel += kVectors * lanes;
    BGE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const V x = hn::Set(d, a[r * a_stride + k]);
      BGE_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(x, b[v], sums[r][v]);
    }
  }
  BGE_UNROLL
  for (int r = 0; r < kRows; ++r) {
    BGE_UNROLL
    for (int v = 0; v < kVectors; ++v) finish(d, r, v * lanes, sums[r][v]);
  }
}

// The same with the number of rows known at run time only.
template <int kVectors, class D, class Finish>
HWY_INLINE void TileOfRows(D d, int64_t rows, const float* a, int64_t a_stride, const float* panel,
                           int64_t depth, const Finish& finish) {
  switch (rows) {
    case 1:
      return Tile<1, kVectors>(d, a, a_stride, panel, depth, finish);
    case 2:
      return Tile<2, kVectors>(d, a, a_stride, panel, depth, finish);
    case 3:
      return Tile<3, kVectors>(d, a, a_stride, panel, depth, finish);
    case 4:
      return Tile<4, kVectors>(d, a, a_stride, panel, depth, finish);
    case 5:
      return Tile<5, kVectors>(d, a, a_stride, panel, depth, finish);
    default:
      return Tile<6, kVectors>(d, a, a_stride, panel, depth, finish);
  }
}

struct StoreScores {
  template <class D>
  HWY_INLINE void operator()(D d, int64_t row, int64_t column, hn::Vec<D> sum) const {
    hn::Store(sum, d, scores + row * stride + column);
  }
  float* scores;
  int64_t stride;
};

// out = out * keep + sum; the last block divides by the sum of weights and adds the bias.
struct StoreMix {
  template <class D>
  HWY_INLINE void operator()(D d, int64_t row, int64_t column, hn::Vec<D> sum) const {
    const int64_t left = columns - column;
    if (left <= 0) return;
    const auto n = static_cast<size_t>(left);
    const bool whole = n >= hn::Lanes(d);
    float* to = out + row * stride + column;
    if (keep != nullptr) {
      const auto old = whole ? hn::LoadU(d, to) : LoadFirst(d, to, n);
      sum = hn::MulAdd(old, hn::Set(d, keep[row]), sum);
    }
    if (inverse != nullptr) {
      sum = hn::Mul(sum, hn::Set(d, inverse[row]));
      if (bias != nullptr) {
        const float* b = bias + column;
        sum = hn::Add(sum, whole ? hn::LoadU(d, b) : LoadFirst(d, b, n));
      }
    }
    if (whole) {
      hn::StoreU(sum, d, to);
    } else {
      StoreFirst(d, sum, to, n);
    }
  }
  float* out;
  int64_t stride;
  int64_t columns;       // of this panel, up to head_dim
  const float* keep;     // [rows], or null in the first block
  const float* inverse;  // [rows], or null before the last block
  const float* bias;     // of the panel's columns, or null
};

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

// What is packed for one head, in floats. Each part begins on a vector's boundary.
struct HeadSizes {
  HeadSizes(int64_t num_keys, int64_t num_queries, int64_t head_dim, int64_t lanes)
      : keys(PaddedColumns(num_keys, lanes) * head_dim),
        values(num_keys * PaddedColumns(head_dim, lanes)),
        queries(PaddedColumns(num_queries * head_dim, lanes)) {}
  int64_t keys;
  int64_t values;
  int64_t queries;
};

// Packs keys and values [first, first + count) of all heads: rows outside, heads inside, as the
// rows lie kilobytes apart and each visit costs a page and its cache lines.
HWY_NOINLINE void PackBlock(const HeadInputs& in, int64_t first, int64_t count,
                            const HeadSizes& sizes, float* keys, float* values) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t head_dim = in.head_dim;
  for (int64_t j = 0; j < count;) {
    const int64_t panel = PanelWidth(count - j, lanes);
    const int64_t n = std::min(panel, count - j);
    for (int64_t h = 0; h < in.num_heads; ++h) {
      const float* from = in.k + (first + j) * in.stride + h * head_dim;
      TransposeKeys(from, in.stride, n, head_dim, panel, keys + h * sizes.keys + j * head_dim);
    }
    for (int64_t h = 0; h < in.num_heads; ++h) {
      const float* from = in.v + (first + j) * in.stride + h * head_dim;
      for (int64_t c = 0; c < head_dim;) {
        const int64_t width = PanelWidth(head_dim - c, lanes);
        CopyValues(d, from + c, in.stride, n, head_dim - c, width,
                   values + h * sizes.values + c * count + j * width);
        c += width;
      }
    }
    j += panel;
  }
}

// to[r * head_dim + k] = (q + bias) * scale for queries [begin, end) of all heads.
HWY_NOINLINE void PackQueries(const HeadInputs& in, int64_t begin, int64_t end, float scale,
                              const HeadSizes& sizes, float* to) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto vscale = hn::Set(d, scale);
  for (int64_t q = begin; q < end; ++q) {
    for (int64_t h = 0; h < in.num_heads; ++h) {
      const float* from = in.q + q * in.stride + h * in.head_dim;
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
    }
  }
}

// Where group g of `rows` rows begins. Groups are as equal as can be: 8 rows are 4 + 4, not 6 + 2.
HWY_INLINE int64_t NumGroups(int64_t rows) { return (rows + kTileRows - 1) / kTileRows; }
HWY_INLINE int64_t GroupBegin(int64_t rows, int64_t g) { return g * rows / NumGroups(rows); }

// scores[r][j] = queries[r] . keys[j] for j < num_keys; behind them, up to a whole vector,
// anything.
HWY_NOINLINE void ScoreBlock(const float* queries, int64_t rows, const float* keys,
                             int64_t num_keys, int64_t head_dim, float* scores, int64_t stride) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t groups = NumGroups(rows);
  for (int64_t j = 0; j < num_keys;) {
    const int64_t width = PanelWidth(num_keys - j, lanes);
    const float* panel = keys + j * head_dim;
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t r = GroupBegin(rows, g);
      const int64_t n = GroupBegin(rows, g + 1) - r;
      const StoreScores finish = {scores + r * stride + j, stride};
      const float* a = queries + r * head_dim;
      if (width == lanes) {
        TileOfRows<1>(d, n, a, head_dim, panel, head_dim, finish);
      } else {
        TileOfRows<2>(d, n, a, head_dim, panel, head_dim, finish);
      }
    }
    j += width;
  }
}

// out[r] = scores[r] * values, finished as `mix` says for row 0 and column 0.
HWY_NOINLINE void MixBlock(const float* scores, int64_t stride, int64_t rows, const float* values,
                           int64_t num_keys, const StoreMix& mix) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t groups = NumGroups(rows);
  for (int64_t c = 0; c < mix.columns;) {
    const int64_t width = PanelWidth(mix.columns - c, lanes);
    const float* panel = values + c * num_keys;
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t r = GroupBegin(rows, g);
      const int64_t n = GroupBegin(rows, g + 1) - r;
      const StoreMix finish = {mix.out + r * mix.stride + c,
                               mix.stride,
                               mix.columns - c,
                               mix.keep == nullptr ? nullptr : mix.keep + r,
                               mix.inverse == nullptr ? nullptr : mix.inverse + r,
                               mix.bias == nullptr ? nullptr : mix.bias + c};
      const float* a = scores + r * stride;
      if (width == lanes) {
        TileOfRows<1>(d, n, a, stride, panel, num_keys, finish);
      } else {
        TileOfRows<2>(d, n, a, stride, panel, num_keys, finish);
      }
    }
    c += width;
  }
}

// What softmax knows of each query: the largest score so far, the sum of its weights, and what
// earlier weights must be multiplied with (nothing before the second block).
struct SoftmaxState {
  float* max;
  float* sum;
  float* keep;
};

// Makes scores[r][j] the weight 2^(score - max[r]), max being that of all keys so far.
template <bool kFirst>
HWY_NOINLINE void SoftmaxRows(float* scores, int64_t stride, int64_t rows, int64_t keys,
                              const SoftmaxState& state) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  const int64_t whole = keys - keys % lanes;
  const auto in_tail = hn::FirstN(d, static_cast<size_t>(keys - whole));
  for (int64_t r = 0; r < rows; ++r) {
    float* row = scores + r * stride;
    auto m0 = kFirst ? lowest : hn::Set(d, state.max[r]);
    auto m1 = lowest;
    int64_t j = 0;
    for (; j + 2 * lanes <= whole; j += 2 * lanes) {
      m0 = hn::Max(m0, hn::Load(d, row + j));
      m1 = hn::Max(m1, hn::Load(d, row + j + lanes));
    }
    if (j < whole) m0 = hn::Max(m0, hn::Load(d, row + j));
    if (whole < keys) {
      const auto tail = hn::IfThenElse(in_tail, hn::Load(d, row + whole), lowest);
      m1 = hn::Max(m1, tail);
      hn::Store(tail, d, row + whole);
    }
    const auto m = hn::MaxOfLanes(d, hn::Max(m0, m1));
    auto sum = hn::Zero(d);
    for (j = 0; j < keys; j += lanes) {
      const auto e = Exp2(d, hn::Sub(hn::Load(d, row + j), m));
      sum = hn::Add(sum, e);
      hn::Store(e, d, row + j);
    }
    const float block_sum = Sum(d, sum);
    if constexpr (kFirst) {
      state.sum[r] = block_sum;
    } else {
      state.keep[r] = hn::GetLane(Exp2(d, hn::Sub(hn::Set(d, state.max[r]), m)));
      state.sum[r] = state.sum[r] * state.keep[r] + block_sum;
    }
    state.max[r] = hn::GetLane(m);
  }
}

// Queries [begin, end) of the heads; more than one head only where the keys are one block.
void AttendHeads(const HeadInputs& in, int64_t begin, int64_t end, FloatScratch& scratch) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t head_dim = in.head_dim;
  const int64_t block = std::min(in.seqlen, kKeyBlock);
  const HeadSizes sizes(block, end - begin, head_dim, lanes);
  // Not a multiple of 4 KB, or the rows of a tile would compete for the same cache lines.
  const int64_t score_stride = PaddedColumns(block, lanes) + 2 * lanes;
  const int64_t query_rows =
      std::clamp(kScoreFloats / score_stride / kTileRows * kTileRows, kTileRows, kMaxQueryRows);
  const int64_t state_rows = PaddedColumns(end - begin, lanes);

  float* const keys = scratch.Floats(
      static_cast<size_t>(in.num_heads * (sizes.keys + sizes.values + sizes.queries) +
                          query_rows * score_stride + 2 * state_rows));
  float* const values = keys + in.num_heads * sizes.keys;
  float* const queries = values + in.num_heads * sizes.values;
  float* const scores = queries + in.num_heads * sizes.queries;
  float* const maxima = scores + query_rows * score_stride;  // [state_rows]
  float* const sums = maxima + state_rows;                   // [state_rows]

  constexpr float kLog2E = 1.44269504f;
  PackQueries(in, begin, end, in.scale * kLog2E, sizes, queries);
  for (int64_t first = 0; first < in.seqlen; first += block) {
    const int64_t num_keys = std::min(block, in.seqlen - first);
    const bool last = first + num_keys == in.seqlen;
    PackBlock(in, first, num_keys, sizes, keys, values);
    for (int64_t h = 0; h < in.num_heads; ++h) {
      for (int64_t q = begin; q < end; q += query_rows) {
        const int64_t rows = std::min(query_rows, end - q);
        const int64_t at = q - begin;
        ScoreBlock(queries + h * sizes.queries + at * head_dim, rows, keys + h * sizes.keys,
                   num_keys, head_dim, scores, score_stride);

        float keep[kMaxQueryRows];
        float inverse[kMaxQueryRows];
        const SoftmaxState state = {maxima + at, sums + at, keep};
        if (first == 0) {
          SoftmaxRows<true>(scores, score_stride, rows, num_keys, state);
        } else {
          SoftmaxRows<false>(scores, score_stride, rows, num_keys, state);
        }
        for (int64_t r = 0; r < rows; ++r) inverse[r] = 1.0f / state.sum[r];

        const StoreMix mix = {in.out + q * in.out_stride + h * head_dim,
                              in.out_stride,
                              head_dim,
                              first == 0 ? nullptr : keep,
                              last ? inverse : nullptr,
                              in.v_bias == nullptr ? nullptr : in.v_bias + h * head_dim};
        MixBlock(scores, score_stride, rows, values + h * sizes.values, num_keys, mix);
      }
    }
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(AttendHeads);

namespace {

// Queries [begin, end) of heads [head, head + num_heads) of sequence n.
struct AttentionItem {
  size_t n;
  int64_t head;
  int64_t num_heads;
  int64_t begin;
  int64_t end;
};

}  // namespace

void VarlenAttention(const OpContext& context, ConstMatrix qkv, std::span<const float> bias,
                     std::span<const int32_t> cu_seqlens, int64_t num_heads, float scale,
                     Matrix out) {
  const int64_t hidden_size = out.cols;
  BGE_DCHECK(qkv.cols == 3 * hidden_size && hidden_size % num_heads == 0);
  BGE_DCHECK(bias.empty() || static_cast<int64_t>(bias.size()) == qkv.cols);
  if (cu_seqlens.size() < 2) return;
  const int64_t head_dim = hidden_size / num_heads;

  const auto attend = [&](const AttentionItem& item) {
    thread_local FloatScratch scratch;
    const int64_t first = cu_seqlens[item.n];
    const int64_t column = item.head * head_dim;
    const float* row = qkv.row(first) + column;
    const HeadInputs in = {row,
                           row + hidden_size,
                           row + 2 * hidden_size,
                           qkv.stride,
                           bias.empty() ? nullptr : bias.data() + column,
                           bias.empty() ? nullptr : bias.data() + 2 * hidden_size + column,
                           item.num_heads,
                           cu_seqlens[item.n + 1] - first,
                           head_dim,
                           scale,
                           out.row(first) + column,
                           out.stride};
    HWY_DYNAMIC_DISPATCH(AttendHeads)(in, item.begin, item.end, scratch);
  };

  int64_t pairs = 0;  // of query and key
  for (size_t n = 0; n + 1 < cu_seqlens.size(); ++n) {
    const int64_t seqlen = cu_seqlens[n + 1] - cu_seqlens[n];
    pairs += seqlen * seqlen;
  }
  // Below about 20 us of work another thread is not worth waking.
  constexpr int64_t kWorthSharing = 500'000;  // multiply-adds
  const int64_t work = 2 * pairs * hidden_size;
  const int64_t threads = work < kWorthSharing ? 1 : context.pool.available_threads();
  // An item is as many heads as can be packed at once, but with several threads at most an eighth
  // of a thread's share; long sequences are cut by queries where heads are too few for that. (Each
  // part packs all keys: 1 / part's queries of its time.) No result depends on these cuts.
  constexpr int64_t kMinPartQueries = 256;
  const int64_t fair_share = threads == 1 ? work : work / (8 * threads);
  std::vector<AttentionItem> items;
  for (size_t n = 0; n + 1 < cu_seqlens.size(); ++n) {
    const int64_t seqlen = cu_seqlens[n + 1] - cu_seqlens[n];
    if (seqlen == 0) continue;
    const int64_t head_work = 2 * seqlen * seqlen * head_dim;
    const int64_t packed = seqlen > kKeyBlock ? kPackedFloats : 3 * seqlen * head_dim;
    const int64_t heads =
        std::clamp<int64_t>(std::min(kPackedFloats / packed, fair_share / head_work), 1, num_heads);
    const int64_t parts = std::clamp<int64_t>(
        std::min(head_work / (fair_share + 1), seqlen / kMinPartQueries), 1, 64);
    for (int64_t head = 0; head < num_heads; head += heads) {
      for (int64_t part = 0; part < parts; ++part) {
        items.push_back({n, head, std::min(heads, num_heads - head), seqlen * part / parts,
                         seqlen * (part + 1) / parts});
      }
    }
  }
  if (threads == 1) {
    for (const AttentionItem& item : items) attend(item);
    return;
  }
  context.pool.ParallelForEach(static_cast<int64_t>(items.size()),
                               [&](int64_t i) { attend(items[static_cast<size_t>(i)]); });
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
