// Heads turned by their tokens' positions (Su et al. 2021, equation 34, with the halves of
// GPT-NeoX: modeling_modernbert.py, apply_rotary_pos_emb).
#include "kernels/ref/ops.h"

namespace bge::ref {

void RotaryEmbedding(ConstMatrix turns, std::span<const int32_t> cu_seqlens, Matrix x) {
  const int64_t half = turns.cols / 2;
  for (size_t n = 0; n + 1 < cu_seqlens.size(); ++n) {
    for (int64_t t = cu_seqlens[n]; t < cu_seqlens[n + 1]; ++t) {
      const float* turn = turns.row(t - cu_seqlens[n]);
      for (float* head = x.row(t); head < x.row(t) + x.cols; head += turns.cols) {
        for (int64_t d = 0; d < half; ++d) {
          const auto a = static_cast<double>(head[d]);
          const auto b = static_cast<double>(head[half + d]);
          const auto cosine = static_cast<double>(turn[d]);
          const auto sine = static_cast<double>(turn[half + d]);
          head[d] = static_cast<float>(a * cosine - b * sine);
          head[half + d] = static_cast<float>(b * cosine + a * sine);
        }
      }
    }
  }
}

}  // namespace bge::ref
