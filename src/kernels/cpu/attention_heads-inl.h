// softmax(scale * q k^T) v for some heads of one sequence (Vaswani et al. 2017), compiled once for
// each instruction set and number type.
//
// Keys and values are taken in blocks of at most kKeyBlock; a block is copied once into panels that
// the register kernel reads in order:
//   keys    [panel][D][W]     a panel holds W keys, transposed; W is two vectors (one in the tail)
//   values  [panel][keys][W]  a panel holds W columns
// Where the numbers are bfloat16, a word of 4 bytes holds two of them that follow each other in the
// direction of the sum (along D for keys and queries, along the keys for values and weights).
// For each block of queries: weights = 2^(q K^T - max), out = P V, both products by Tile(), which
// keeps kAttentionRows x 2 vectors of sums in registers (12 of AVX2's 16: with 6 rows it loads 2
// vectors and broadcasts 6 numbers for 12 multiply-adds, below the load ports' limit). The weights
// of a block (at most 24 KB) stay in the first-level cache, the packed block (D 64: 256 KB) in the
// second.
//
// Softmax is the same for any max from which no weight overflows. It is that of a query's first
// two vectors of keys, or of its first key (bfloat16); all others are weighed in the registers
// where their scores were summed, which hides most of the cost of exp behind the products (of which
// 7 % of the whole stay in float32: Zen 5, D 64). Only where a later score is above max by 2^64 is
// the block's softmax computed again from its largest score, and what went before rescaled (Milakov
// and Gimelshein 2018). Sum and max of each query are kept beside `out`, which holds the unfinished
// mix. With a window, a block of queries reads the panels of keys that any of them sees, what a
// query among them does not see gets weight 0, and max is always the largest score so far.
//
// The scale and log2(e) are folded into q, so that exp becomes 2^x; queries that are bfloat16
// already are read where they are, and their sums multiplied instead. The key's bias adds the same
// number to all scores of a query, which softmax does not see: left out. What scores get by the
// distance of the key is added to their sums. The value's bias is added at the end, as the weights
// of a query sum to 1. Every result is a sum of chains of multiply-adds in the order of keys: it
// depends on its sequence alone, not on neighbours, tiles or threads.
#include "hwy/highway.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/attention_packing-inl.h"
#include "kernels/cpu/attention_sums-inl.h"
#include "kernels/cpu/attention_tile-inl.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector_math-inl.h"

#if defined(BGE_KERNELS_CPU_ATTENTION_HEADS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_ATTENTION_HEADS_INL_H_
#undef BGE_KERNELS_CPU_ATTENTION_HEADS_INL_H_
#else
#define BGE_KERNELS_CPU_ATTENTION_HEADS_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

constexpr int64_t kMaxQueryRows = 24;
// Words of the score tile: together with a key panel and the queries it fits a 32 KB cache.
constexpr int64_t kScoreWords = 4096;

// Words of queries, a row each.
struct Queries {
  const float* words;
  int64_t stride;
  HWY_INLINE Queries From(int64_t row) const { return {words + row * stride, stride}; }
};

// scores[r][j] = the score of queries[r] and keys[j] for j < num_keys; behind them, up to a whole
// vector, anything.
template <class Numbers, class Scores>
HWY_NOINLINE void ScoreBlock(const Queries& queries, int64_t rows, const float* keys,
                             int64_t num_keys, int64_t head_dim, const Scores& scores_of,
                             float* scores, int64_t stride) {
  const int64_t depth = WordsOf<Numbers>(head_dim);
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < num_keys;) {
    const int64_t width = PanelWidth(num_keys - j, lanes);
    const float* panel = keys + j * depth;
    ForEachGroup(rows, [&](int64_t r, int64_t n) HWY_ATTR {
      const StoreScores<Scores> finish = {scores + r * stride + j, stride, scores_of.At(r, j)};
      const float* a = queries.From(r).words;
      if (width == lanes) {
        TileOfRows<Numbers, 1>(d, n, a, queries.stride, panel, depth, finish);
      } else {
        TileOfRows<Numbers, 2>(d, n, a, queries.stride, panel, depth, finish);
      }
    });
    j += width;
  }
}

// weights[r][j] = 2^(score - max[r]) for keys [first, num_keys), as words, zeros behind them up to
// a whole vector; adds their sum to sums[r]. `first` is a multiple of two vectors. kSetsMax: from
// the first key on, whose score max[r] becomes.
template <class Numbers, bool kSetsMax, class Scores>
HWY_NOINLINE void WeighBlock(const Queries& queries, int64_t rows, const float* keys, int64_t first,
                             int64_t num_keys, int64_t head_dim, const Scores& scores_of,
                             float* max, float* weights, int64_t stride, float* sums) {
  const int64_t depth = WordsOf<Numbers>(head_dim);
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float totals[kMaxQueryRows * hn::MaxLanes(d)];
  float origins[kMaxQueryRows];
  const auto weigh = [&](int64_t j, const auto& use_of) HWY_ATTR {
    const int64_t width = PanelWidth(num_keys - j, lanes);
    const float* panel = keys + j * depth;
    ForEachGroup(rows, [&](int64_t r, int64_t n) HWY_ATTR {
      const auto use = use_of(r, weights + r * stride + j / Numbers::kGroup, totals + r * lanes);
      const float* a = queries.From(r).words;
      if (width == lanes) {
        TileOfRows<Numbers, 1>(d, n, a, queries.stride, panel, depth, use);
      } else {
        TileOfRows<Numbers, 2>(d, n, a, queries.stride, panel, depth, use);
      }
    });
    return width;
  };
  int64_t j = first;
  if constexpr (kSetsMax) {
    j += weigh(j, [&](int64_t r, float* to, float* totals_of) HWY_ATTR {
      return StoreFirstWeights<Numbers, Scores>{to,      stride,    num_keys,
                                                max + r, totals_of, scores_of.At(r, 0)};
    });
  } else {
    for (int64_t r = 0; r < rows; ++r) hn::Store(hn::Zero(d), d, totals + r * lanes);
  }
  for (int64_t r = 0; r < rows; ++r) origins[r] = Numbers::kOne - max[r];
  while (j < num_keys) {
    j += weigh(j, [&](int64_t r, float* to, float* totals_of) HWY_ATTR {
      return StoreWeights<Numbers, Scores>{to,          stride,    num_keys - j,
                                           origins + r, totals_of, scores_of.At(r, j)};
    });
  }
  for (int64_t r = 0; r < rows; ++r) sums[r] += Sum(d, hn::Load(d, totals + r * lanes));
}

// Some keys of a block. begin is a multiple of two vectors, and so is end, unless it is the
// block's: whole panels.
struct KeyRange {
  int64_t begin;
  int64_t end;
  int64_t size() const { return end - begin; }
};

// out[r] = scores[r] * values of `keys`, finished as `mix` says for row 0 and column 0. `values`
// holds num_keys.
template <class Numbers>
HWY_NOINLINE void MixBlock(const float* scores, int64_t stride, int64_t rows, const float* values,
                           int64_t num_keys, const KeyRange& keys, const StoreMix<Numbers>& mix) {
  static constexpr auto kAll = [] {
    std::array<float, kMaxQueryRows> ones{};
    ones.fill(1.0f);
    return ones;
  }();
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < mix.columns;) {
    const int64_t width = PanelWidth(mix.columns - c, lanes);
    ForEachGroup(rows, [&](int64_t r, int64_t n) HWY_ATTR {
      const float* a = scores + r * stride;
      const float* panel =
          values + c * WordsOf<Numbers>(num_keys) + keys.begin / Numbers::kGroup * width;
      StoreMix<Numbers> finish = mix.At(r, c);
      const auto mix_keys = [&](int64_t count) HWY_ATTR {
        const int64_t depth = WordsOf<Numbers>(count);
        if (width == lanes) {
          TileOfRows<Numbers, 1>(d, n, a, stride, panel, depth, finish);
        } else {
          TileOfRows<Numbers, 2>(d, n, a, stride, panel, depth, finish);
        }
      };
      int64_t left = keys.size();
      if constexpr (Numbers::kMixKeys < kKeyBlock) {
        constexpr int64_t kWords = Numbers::kMixKeys / Numbers::kGroup;
        const float* const inverse = finish.inverse;
        finish.inverse = nullptr;
        for (; left > Numbers::kMixKeys; left -= Numbers::kMixKeys) {
          mix_keys(Numbers::kMixKeys);
          finish.keep = kAll.data();
          a += kWords;
          panel += kWords * width;
        }
        finish.inverse = inverse;
      }
      mix_keys(left);
    });
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

// Below all scores and far from overflow: where a row has no key in a block, the weights are 0.
constexpr float kLowestSeen = -1e30f;

// Scores of keys that a row does not see become -infinity. Row 0 sees keys [begin, end), each next
// row one further; both may lie outside of [0, keys).
HWY_INLINE void MaskRows(float* scores, int64_t stride, int64_t rows, int64_t keys, int64_t begin,
                         int64_t end) {
  constexpr float kUnseen = -std::numeric_limits<float>::infinity();
  for (int64_t r = 0; r < rows; ++r) {
    float* row = scores + r * stride;
    std::fill(row, row + std::clamp<int64_t>(begin + r, 0, keys), kUnseen);
    std::fill(row + std::clamp<int64_t>(end + r, 0, keys), row + keys, kUnseen);
  }
}

// Makes scores[r] the words of the weights 2^(score - max[r]), max being that of all keys so far.
// kMasked: -infinity stands for weight 0, and a row may have nothing else.
template <class Numbers, bool kFirst, bool kMasked>
HWY_NOINLINE void SoftmaxRows(float* scores, int64_t stride, int64_t rows, int64_t keys,
                              const SoftmaxState& state) {
  using D = hn::ScalableTag<float>;
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto lowest = hn::Set(d, kMasked ? kLowestSeen : -std::numeric_limits<float>::infinity());
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
      m1 = hn::Max(m1, hn::IfThenElse(in_tail, hn::Load(d, row + whole), lowest));
    }
    const float max = Max(d, hn::Max(m0, m1));
    // In this order the largest is 1, however large the scores are: one of the weights is not zero.
    const auto weigh_from = [&](const float* score) HWY_ATTR {
      const auto below = hn::Sub(hn::Load(d, score), hn::Set(d, max));
      return Numbers::kOne == 0.0f ? below : hn::Add(below, hn::Set(d, Numbers::kOne));
    };
    auto sum = hn::Zero(d);
    for (j = 0; j < keys; j += 2 * lanes) {
      float* const words = row + j / Numbers::kGroup;
      if (PanelWidth(keys - j, lanes) == lanes) {
        const hn::Vec<D> x[] = {weigh_from(row + j)};
        sum = Numbers::template Weigh<kMasked, 1>(sum, x, keys - j, words);
      } else {
        const hn::Vec<D> x[] = {weigh_from(row + j), weigh_from(row + j + lanes)};
        sum = Numbers::template Weigh<kMasked, 2>(sum, x, keys - j, words);
      }
    }
    const float block_sum = Sum(d, sum);
    if constexpr (kFirst) {
      state.sum[r] = block_sum;
    } else {
      constexpr float kPerUnit = 1.0f / Numbers::kScoreUnit;
      const auto fall = hn::Set(d, (state.max[r] - max) * kPerUnit);
      state.keep[r] = hn::GetLane(Exp2(d, fall));
      state.sum[r] = state.sum[r] * state.keep[r] + block_sum;
    }
    state.max[r] = max;
  }
}

// Softmax of a block's scores, the first block of its rows or a later one.
template <class Numbers, bool kMasked>
HWY_INLINE void Softmax(bool is_first, float* scores, int64_t stride, int64_t rows, int64_t keys,
                        const SoftmaxState& state) {
  if (is_first) {
    SoftmaxRows<Numbers, true, kMasked>(scores, stride, rows, keys, state);
  } else {
    SoftmaxRows<Numbers, false, kMasked>(scores, stride, rows, keys, state);
  }
}

// A sum of weights below which none has come near overflow, times any value.
constexpr float kMostWeight = 0x1p64f;

// Scores and softmax of a block that all rows see whole: weights in `scores`, and `state`. The
// score of each query's reference, max, is one of its first keys'; only where a later one is far
// above it, is max brought up to date. So the weights are computed where the scores are, in
// registers.
template <class Numbers, class Scores>
HWY_INLINE void WeighKeys(bool is_first, const Queries& queries, int64_t rows, const float* keys,
                          int64_t num_keys, int64_t head_dim, const Scores& scores_of,
                          float* scores, int64_t stride, const SoftmaxState& state) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>()));
  // Weights of float32 lose what their scores lose far from max, so that it is the largest of the
  // first two vectors; those of bfloat16 lose the same everywhere, so that it is the first.
  constexpr bool kTakesFirst = Numbers::kGroup == 2;
  const int64_t head = is_first && !kTakesFirst ? std::min(num_keys, 2 * lanes) : 0;
  float sums[kMaxQueryRows] = {};
  if (head > 0) {
    ScoreBlock<Numbers>(queries, rows, keys, head, head_dim, scores_of, scores, stride);
    SoftmaxRows<Numbers, true, false>(scores, stride, rows, head, state);
    std::copy_n(state.sum, rows, sums);
  }
  if (is_first && kTakesFirst) {
    WeighBlock<Numbers, kTakesFirst>(queries, rows, keys, 0, num_keys, head_dim, scores_of,
                                     state.max, scores, stride, sums);
  } else if (head < num_keys) {
    WeighBlock<Numbers, false>(queries, rows, keys, head, num_keys, head_dim, scores_of, state.max,
                               scores, stride, sums);
  }
  for (int64_t r = 0; r < rows; ++r) {
    if (sums[r] < kMostWeight) {
      state.sum[r] = is_first ? sums[r] : state.sum[r] + sums[r];
      state.keep[r] = 1.0f;
    } else {  // NaN too
      float* const row = scores + r * stride;
      const SoftmaxState row_state = {state.max + r, state.sum + r, state.keep + r};
      ScoreBlock<Numbers>(queries.From(r), 1, keys, num_keys, head_dim, scores_of.At(r, 0), row,
                          stride);
      Softmax<Numbers, false>(is_first, row, stride, 1, num_keys, row_state);
    }
  }
}

// What queries [begin, end) get that see no key.
template <class Numbers>
HWY_INLINE void FillUnseeing(const HeadInputs& in, int64_t begin, int64_t end) {
  const int64_t columns = in.num_heads * in.head_dim;
  for (int64_t q = begin; q < end; ++q) {
    if constexpr (Numbers::kGroup == 2) {
      if (in.rounded != nullptr) {
        Packing<Numbers>::Round(in.v_bias, columns, in.rounded + q * in.rounded_stride);
        continue;
      }
    }
    float* const out = in.out + q * in.out_stride;
    if (in.v_bias == nullptr) {
      std::fill_n(out, columns, 0.0f);
    } else {
      std::copy_n(in.v_bias, columns, out);
    }
  }
}

constexpr float kLog2E = 1.44269504f;

// The bias of one head, times `unit`: line[x] of distance begin + x.
HWY_INLINE void FillBiasLine(const float* values, int64_t farthest, float unit, int64_t begin,
                             int64_t size, float* line) {
  for (int64_t x = 0; x < size; ++x) {
    line[x] = values[std::clamp(begin + x, -farthest, farthest) + farthest] * unit;
  }
}

// As AttendHeadsFunction; kWindow: in.window counts; kBiased: in.relative_bias does.
template <class Numbers, bool kWindow, bool kBiased>
HWY_INLINE void AttendKeys(const HeadInputs& in, int64_t begin, int64_t end,
                           FloatScratch& scratch) {
  constexpr bool kScaled = Numbers::kGroup == 2;
  using Scores = std::conditional_t<kBiased, BiasedScores<kScaled>, PlainScores<kScaled>>;
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t head_dim = in.head_dim;
  // That queries [first, last) see.
  const auto keys_of = [&in](int64_t first, int64_t last) {
    if (!kWindow) return KeyRange{0, in.num_keys};
    return KeyRange{std::max<int64_t>(0, first - in.window),
                    std::min(in.num_keys, last + in.window)};
  };
  if (kWindow) {
    const int64_t seeing = std::clamp(in.num_keys + in.window, begin, end);
    FillUnseeing<Numbers>(in, seeing, end);
    if (seeing == begin) return;
    end = seeing;
  }
  const KeyRange all = keys_of(begin, end);
  const int64_t block = std::min(all.size(), kKeyBlock);
  // Of whole words.
  const bool in_place = in.narrow_q && head_dim % 2 == 0 && in.q_stride % 2 == 0;
  const HeadSizes<Numbers> sizes(block, in_place ? 0 : end - begin, head_dim, lanes);
  const int64_t most_scores =
      kWindow ? std::min(block, kMaxQueryRows + 2 * in.window + 4 * lanes) : block;
  // Not a multiple of 4 KB, or the rows of a tile would compete for the same cache lines.
  const int64_t score_stride = PaddedColumns(most_scores, lanes) + 2 * lanes;
  // Without a window a row of scores is one of weights, words of kGroup numbers, but for its start.
  const int64_t row_words = kWindow ? score_stride : score_stride / Numbers::kGroup;
  const int64_t query_rows = std::clamp(kScoreWords / row_words / kAttentionRows * kAttentionRows,
                                        kAttentionRows, kMaxQueryRows);
  const int64_t state_rows = PaddedColumns(end - begin, lanes);
  // Distances of a block of keys from all queries, as far as whole panels reach.
  const int64_t line_size = kBiased ? PaddedColumns(end - begin + block, lanes) + 2 * lanes : 0;
  // Where results are rounded, what earlier blocks of keys have come to.
  const bool keeps_mix = in.rounded != nullptr && block < all.size();
  const int64_t mix_stride = in.num_heads * head_dim;
  const int64_t mix_size = keeps_mix ? (end - begin) * mix_stride : 0;

  float* const keys = scratch.Floats(
      static_cast<size_t>(in.num_heads * (sizes.keys + sizes.values + sizes.queries) +
                          query_rows * score_stride + 2 * state_rows + line_size + mix_size));
  float* const values = keys + in.num_heads * sizes.keys;
  float* const queries = values + in.num_heads * sizes.values;
  float* const scores = queries + in.num_heads * sizes.queries;
  float* const maxima = scores + query_rows * score_stride;  // [state_rows]
  float* const sums = maxima + state_rows;                   // [state_rows]
  float* const line = sums + state_rows;                     // [line_size]
  float* const unfinished = line + line_size;                // [mix_size]

  constexpr float kUnit = kLog2E * Numbers::kScoreUnit;
  Scores scores_of;
  if constexpr (kScaled) {
    if (in.narrow_q) scores_of.scale = in.scale * kUnit;
  }
  if (!in_place) PackQueries<Numbers>(in, begin, end, in.scale * kUnit, sizes, queries);
  for (int64_t first = all.begin; first < all.end; first += block) {
    const int64_t num_keys = std::min(block, all.end - first);
    if (in.narrow_kv) {
      using Narrow = std::conditional_t<Numbers::kGroup == 2, uint16_t, float>;  // or never
      PackBlock<Numbers, Narrow>(in, first, num_keys, sizes, keys, values);
    } else {
      PackBlock<Numbers, float>(in, first, num_keys, sizes, keys, values);
    }
    for (int64_t h = 0; h < in.num_heads; ++h) {
      const int64_t nearest = first - (end - 1);  // distance of the first key from the last query
      if constexpr (kBiased) {
        FillBiasLine(in.relative_bias + h * (2 * in.farthest + 1), in.farthest, kUnit, nearest,
                     line_size, line);
      }
      for (int64_t q = begin; q < end; q += query_rows) {
        const int64_t rows = std::min(query_rows, end - q);
        const int64_t at = q - begin;
        const KeyRange needed = keys_of(q, q + rows);
        KeyRange seen = {0, num_keys};  // of the block
        if (kWindow) {
          if (needed.begin >= first + num_keys || needed.end <= first) continue;
          const int64_t panel = 2 * lanes;
          seen.begin = std::max<int64_t>(0, needed.begin - first) / panel * panel;
          seen.end = std::min(num_keys, (needed.end - first + panel - 1) / panel * panel);
        }
        float keep[kMaxQueryRows];
        float inverse[kMaxQueryRows];
        const SoftmaxState state = {maxima + at, sums + at, keep};
        const bool is_first = needed.begin >= first;
        const bool is_last = needed.end <= first + num_keys;
        const Queries block_queries =
            in_place ? Queries{static_cast<const float*>(in.q) +
                                   (q * in.q_stride + h * head_dim) / Numbers::kGroup,
                               in.q_stride / Numbers::kGroup}
                     : Queries{queries + h * sizes.queries + at * head_dim, head_dim};
        const float* const block_keys = keys + h * sizes.keys + seen.begin * sizes.depth;
        if constexpr (kBiased) scores_of.line = line + (end - 1 - q);
        if (kWindow) {
          ScoreBlock<Numbers>(block_queries, rows, block_keys, seen.size(), head_dim, scores_of,
                              scores, score_stride);
          const int64_t row = q - first - seen.begin;  // where row 0 is among the keys
          MaskRows(scores, score_stride, rows, seen.size(), row - in.window, row + in.window + 1);
          Softmax<Numbers, true>(is_first, scores, score_stride, rows, seen.size(), state);
        } else {
          WeighKeys<Numbers>(is_first, block_queries, rows, block_keys, seen.size(), head_dim,
                             scores_of, scores, score_stride, state);
        }
        for (int64_t r = 0; r < rows; ++r) inverse[r] = 1.0f / state.sum[r];

        float* const out = keeps_mix               ? unfinished + at * mix_stride + h * head_dim
                           : in.rounded != nullptr ? nullptr
                                                   : in.out + q * in.out_stride + h * head_dim;
        const StoreMix<Numbers> mix = {
            out,
            keeps_mix ? mix_stride : in.out_stride,
            in.rounded == nullptr ? nullptr : in.rounded + q * in.rounded_stride + h * head_dim,
            in.rounded_stride,
            head_dim,
            is_first ? nullptr : keep,
            is_last ? inverse : nullptr,
            in.v_bias == nullptr ? nullptr : in.v_bias + h * head_dim};
        MixBlock<Numbers>(scores, score_stride, rows, values + h * sizes.values, num_keys, seen,
                          mix);
      }
    }
  }
}

template <class Numbers>
HWY_INLINE void AttendHeads(const HeadInputs& in, int64_t begin, int64_t end,
                            FloatScratch& scratch) {
  if (in.window != kNoWindow) {
    AttendKeys<Numbers, true, false>(in, begin, end, scratch);
  } else if (in.relative_bias != nullptr) {
    AttendKeys<Numbers, false, true>(in, begin, end, scratch);
  } else {
    AttendKeys<Numbers, false, false>(in, begin, end, scratch);
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_ATTENTION_HEADS_INL_H_
