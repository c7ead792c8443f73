// Heads turned by their tokens' positions, in place.
//
// Memory-bound: one read and one write of x; the turns of neighbouring tokens lie side by side, and
// all heads of a token use the same.
#include "kernels/cpu/ops.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rotary_embedding.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

// Rows of one sequence that begin at its token `position`.
void TurnRows(ConstMatrix turns, int64_t position, Matrix x) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t half = turns.cols / 2;
  for (int64_t r = 0; r < x.rows; ++r) {
    const float* cosines = turns.row(position + r);
    const float* sines = cosines + half;
    float* const end = x.row(r) + x.cols;
    for (float* first = x.row(r); first < end; first += turns.cols) {
      float* second = first + half;
      int64_t i = 0;
      for (; i + lanes <= half; i += lanes) {
        const auto a = hn::LoadU(d, first + i);
        const auto b = hn::LoadU(d, second + i);
        const auto cosine = hn::LoadU(d, cosines + i);
        const auto sine = hn::LoadU(d, sines + i);
        hn::StoreU(hn::NegMulAdd(b, sine, hn::Mul(a, cosine)), d, first + i);
        hn::StoreU(hn::MulAdd(a, sine, hn::Mul(b, cosine)), d, second + i);
      }
      for (; i < half; ++i) {
        const float a = first[i];
        const float b = second[i];
        first[i] = a * cosines[i] - b * sines[i];
        second[i] = b * cosines[i] + a * sines[i];
      }
    }
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(TurnRows);

void RotaryEmbedding(const OpContext& context, ConstMatrix turns,
                     std::span<const int32_t> cu_seqlens, Matrix x) {
  BGE_DCHECK(turns.cols % 2 == 0 && x.cols % turns.cols == 0);
  context.pool.ParallelFor(x.rows, RowGrain(x.cols), [&](int64_t begin, int64_t end) {
    // The sequence of row `begin`: the last that begins no later.
    auto sequence = std::upper_bound(cu_seqlens.begin(), cu_seqlens.end(), begin) - 1;
    while (begin < end) {
      const int64_t rows = std::min<int64_t>(end, sequence[1]) - begin;
      HWY_DYNAMIC_DISPATCH(TurnRows)(turns, begin - *sequence, x.Rows(begin, rows));
      begin += rows;
      ++sequence;
    }
  });
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
