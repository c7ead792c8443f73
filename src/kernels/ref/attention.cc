// softmax(scale * q k^T) v for each sequence and head (Vaswani et al. 2017, equation 1), over the
// keys in the window (Beltagy et al. 2020, section 3.1), with a bias of distances (Raffel et al.
// 2020, section 2.1).
#include "kernels/ref/ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace bge::ref {

void VarlenAttention(ConstMatrix q, ConstMatrix keys_values, std::span<const float> bias,
                     std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                     Matrix out) {
  const int64_t hidden_size = out.cols;
  const int64_t head_dim = hidden_size / attention.num_heads;
  // Column c of row t of the projection, with its bias: q, k and v as if side by side.
  const auto at = [&](int64_t t, int64_t c) {
    const double b = bias.empty() ? 0.0 : static_cast<double>(bias[static_cast<size_t>(c)]);
    const float x = c < hidden_size ? q.row(t)[c] : keys_values.row(t)[c - hidden_size];
    return static_cast<double>(x) + b;
  };

  for (size_t n = 0; n + 1 < cu_seqlens.size(); ++n) {
    const int64_t sequence_begin = cu_seqlens[n];
    const int64_t sequence_end = cu_seqlens[n + 1];
    const int64_t seqlen = sequence_end - sequence_begin;
    const int64_t window = std::min(attention.window.value_or(seqlen), seqlen);
    for (int64_t head = 0; head < attention.num_heads; ++head) {
      const int64_t column = head * head_dim;
      const int64_t k = hidden_size + column;
      const int64_t v = 2 * hidden_size + column;
      for (int64_t i = sequence_begin; i < sequence_end; ++i) {
        const int64_t begin = std::max(sequence_begin, i - window);
        const int64_t end = std::min(sequence_begin + attention.NumKeys(n, seqlen), i + window + 1);
        if (begin >= end) {
          for (int64_t d = 0; d < head_dim; ++d) {
            out.row(i)[column + d] = bias.empty() ? 0.0f : bias[static_cast<size_t>(v + d)];
          }
          continue;
        }
        std::vector<double> p(static_cast<size_t>(end - begin));
        double max = -std::numeric_limits<double>::infinity();
        for (int64_t j = begin; j < end; ++j) {
          double score = 0.0;
          for (int64_t d = 0; d < head_dim; ++d) score += at(i, column + d) * at(j, k + d);
          score *= static_cast<double>(attention.scale);
          if (!attention.relative_bias.values.empty()) {
            score += static_cast<double>(attention.relative_bias.At(head, j - i));
          }
          p[static_cast<size_t>(j - begin)] = score;
          max = std::max(max, p[static_cast<size_t>(j - begin)]);
        }
        double sum = 0.0;
        for (double& e : p) sum += e = std::exp(e - max);
        for (int64_t d = 0; d < head_dim; ++d) {
          double mix = 0.0;
          for (int64_t j = begin; j < end; ++j) {
            mix += p[static_cast<size_t>(j - begin)] * at(j, v + d);
          }
          out.row(i)[column + d] = static_cast<float>(mix / sum);
        }
      }
    }
  }
}

// By VarlenAttention of whole sequences, of which all but the first row is dropped.
void FirstTokenAttention(ConstMatrix q, ConstMatrix keys_values, std::span<const float> bias,
                         std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                         Matrix out) {
  Workspace workspace;
  const int64_t h = out.cols;
  const Matrix all_q = workspace.NewMatrix(keys_values.rows, h);
  const Matrix all = workspace.NewMatrix(keys_values.rows, h);
  for (int64_t t = 0; t < all_q.rows; ++t) std::fill_n(all_q.row(t), h, 0.0f);
  for (int64_t n = 0; n < q.rows; ++n) {
    std::copy_n(q.row(n), h, all_q.row(cu_seqlens[static_cast<size_t>(n)]));
  }
  VarlenAttention(all_q, keys_values, bias, cu_seqlens, attention, all);
  for (int64_t n = 0; n < q.rows; ++n) {
    std::copy_n(all.row(cu_seqlens[static_cast<size_t>(n)]), h, out.row(n));
  }
}

}  // namespace bge::ref
