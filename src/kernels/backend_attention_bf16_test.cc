// Conformance of attention in bfloat16: of its inputs, its weights and its results. Instantiated in
// backend_ops_test.cc.
#include "base/numeric.h"
#include "kernels/test_backend_ops.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

// VarlenAttention of q, k and v that are bfloat16 already, q with its bias; `behind` columns apart.
// qkv: [T, 3H], without biases; bias: [3H] or empty.
Table AttendToRounded(const Backend& backend, const OpContext& context, Table& qkv,
                      std::span<const float> bias, const std::vector<int32_t>& cu_seqlens,
                      const AttentionOptions& attention, int64_t behind = 0) {
  const int64_t tokens = qkv.view().rows;
  const int64_t h = qkv.view().cols / 3;
  const int64_t stride = 3 * h + behind;
  Table with_bias(tokens, 3 * h);
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t c = 0; c < 3 * h; ++c) {
      const float b = bias.empty() || c >= h ? 0.0f : bias[static_cast<size_t>(c)];
      with_bias.view().row(t)[c] = qkv.view().row(t)[c] + b;
    }
  }
  std::vector<uint16_t> rounded(static_cast<size_t>(tokens * stride), 0x7fc0);  // NaN
  const Operand all = {ComputeType::kBFloat16, rounded.data(), nullptr, tokens, 3 * h, stride};
  backend.ToOperand(context, with_bias.view(), all);
  const Operand q = {ComputeType::kBFloat16, rounded.data(), nullptr, tokens, h, stride};
  const Operand kv = {ComputeType::kBFloat16, rounded.data() + h, nullptr, tokens, 2 * h, stride};
  Table out(tokens, h);
  backend.VarlenAttention(context, q, kv, bias, cu_seqlens, attention, ComputeType::kBFloat16,
                          out.view());
  return out;
}

// In bfloat16 it is the float32 result, rounded: of one block of keys and of several, whole panels
// and parts of one, and where a token sees no key.
TEST_P(BackendOps, VarlenAttentionRoundsItsResults) {
  const std::vector<int32_t> cu_seqlens = Cumulate({70, 1, 0, 40, 700, 600, 1100, 16});
  const std::vector<int32_t> key_counts = {50, 1, 0, 40, 670, 20, 1100, 9};
  const int64_t tokens = cu_seqlens.back();
  for (const int64_t head_dim : {3, 16, 24, 32, 64, 100}) {
    const int64_t hidden_size = 2 * head_dim;
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
    const std::vector<float> distances = Normal(2 * 41);
    for (const AttentionOptions& attention :
         {AttentionOptions{.num_heads = 2, .scale = scale},
          AttentionOptions{.num_heads = 2, .scale = scale, .key_counts = key_counts},
          AttentionOptions{.num_heads = 2, .scale = scale, .window = 31, .key_counts = key_counts},
          AttentionOptions{.num_heads = 2, .scale = scale, .window = 400},
          AttentionOptions{.num_heads = 2, .scale = scale, .relative_bias = {distances, 20}}}) {
      SCOPED_TRACE("D " + std::to_string(head_dim));
      Table qkv = NormalTable(tokens, 3 * hidden_size, 1, 1.2f);
      const std::vector<float> bias =
          head_dim == 24 ? std::vector<float>() : Normal(3 * hidden_size);
      Table floats(tokens, hidden_size);
      backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention,
                                ComputeType::kBFloat16, floats.view());
      const int64_t stride = hidden_size + 6;  // what is between the rows stays as it is
      constexpr uint16_t kUntouched = 0x1234;
      std::vector<uint16_t> expected(static_cast<size_t>(tokens * stride), kUntouched);
      std::vector<uint16_t> rounded = expected;
      backend().ToOperand(
          context(), floats.view(),
          {ComputeType::kBFloat16, expected.data(), nullptr, tokens, hidden_size, stride});
      backend().VarlenAttention(
          context(), qkv.view(), bias, cu_seqlens, attention, ComputeType::kBFloat16,
          {ComputeType::kBFloat16, rounded.data(), nullptr, tokens, hidden_size, stride});
      EXPECT_EQ(rounded, expected);
    }
  }
}

// As the reference has it of the rounded numbers; the same, bit by bit, where rows are whole words
// and are read where they are, and where they are not and are copied.
TEST_P(BackendOps, VarlenAttentionTakesRoundedQueries) {
  if (backend().AttentionInputType(ComputeType::kBFloat16) == ComputeType::kFloat32) return;
  const std::vector<int32_t> cu_seqlens = Cumulate({70, 1, 0, 40, 700, 33, 16, 5});
  const int64_t tokens = cu_seqlens.back();
  for (const int64_t head_dim : {3, 16, 25, 32, 64, 100}) {
    const int64_t h = 2 * head_dim;
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
    const std::vector<float> distances = Normal(2 * 41);
    for (const AttentionOptions& attention :
         {AttentionOptions{.num_heads = 2, .scale = scale},
          AttentionOptions{.num_heads = 2, .scale = scale, .window = 31},
          AttentionOptions{.num_heads = 2, .scale = scale, .relative_bias = {distances, 20}}}) {
      SCOPED_TRACE("D " + std::to_string(head_dim));
      Table qkv = NormalTable(tokens, 3 * h, 1, 1.2f);
      const std::vector<float> bias = head_dim == 25 ? std::vector<float>() : Normal(3 * h);
      Table out = AttendToRounded(backend(), context(), qkv, bias, cu_seqlens, attention);
      Table apart = AttendToRounded(backend(), context(), qkv, bias, cu_seqlens, attention, 7);
      EXPECT_EQ(out.Dense(), apart.Dense());

      const auto rounded = [](float v) {
        return std::bit_cast<float>(static_cast<uint32_t>(FloatToBf16(v)) << 16);
      };
      for (int64_t t = 0; t < tokens; ++t) {
        for (int64_t c = 0; c < 3 * h; ++c) {
          float& v = qkv.view().row(t)[c];
          v = rounded(bias.empty() || c >= h ? v : v + bias[static_cast<size_t>(c)]);
        }
      }
      std::vector<float> of_values = bias;  // all that is left to add
      if (!bias.empty()) std::fill_n(of_values.begin(), 2 * h, 0.0f);
      Table expected(tokens, h);
      ReferenceBackend().VarlenAttention(context(), qkv.view(), of_values, cu_seqlens, attention,
                                         ComputeType::kFloat32, expected.view());
      // Weights have 8 bits.
      ExpectClose(out, expected, 2e-2, 2e-6);
    }
  }
}

// Keys and values that are rounded already give what those give that attention rounds, bit by bit:
// with heads of an even and an odd number of columns, and rows that end between words.
TEST_P(BackendOps, VarlenAttentionTakesRoundedKeysAndValues) {
  EXPECT_EQ(backend().AttentionInputType(ComputeType::kFloat32), ComputeType::kFloat32);
  if (backend().AttentionInputType(ComputeType::kBFloat16) == ComputeType::kFloat32) return;
  const std::vector<int32_t> cu_seqlens = Cumulate({70, 1, 0, 40, 700, 33, 16});
  const int64_t tokens = cu_seqlens.back();
  for (const int64_t head_dim : {3, 16, 25, 32, 64, 100}) {
    for (const int64_t behind : {0, 7}) {
      const int64_t hidden_size = 2 * head_dim;
      const std::vector<float> distances = Normal(2 * 41);
      for (const AttentionOptions& attention :
           {AttentionOptions{.num_heads = 2, .scale = 0.2f},
            AttentionOptions{.num_heads = 2, .scale = 0.2f, .window = 31},
            AttentionOptions{.num_heads = 2, .scale = 0.2f, .relative_bias = {distances, 20}}}) {
        SCOPED_TRACE("D " + std::to_string(head_dim) + " behind " + std::to_string(behind));
        Table qkv = NormalTable(tokens, 3 * hidden_size, 1, 1.2f);
        const std::vector<float> bias = Normal(3 * hidden_size);
        Table expected(tokens, hidden_size);
        backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention,
                                  ComputeType::kBFloat16, expected.view());
        const int64_t stride = 2 * hidden_size + behind;
        std::vector<uint16_t> rounded(static_cast<size_t>(tokens * stride), 0x7fc0);  // NaN
        const Operand keys_values = {ComputeType::kBFloat16, rounded.data(), nullptr, tokens,
                                     2 * hidden_size,        stride};
        backend().ToOperand(context(), qkv.view().Columns(hidden_size, 2 * hidden_size),
                            keys_values);
        Table out(tokens, hidden_size);
        backend().VarlenAttention(context(), qkv.view().Columns(0, hidden_size), keys_values, bias,
                                  cu_seqlens, attention, ComputeType::kBFloat16, out.view());
        EXPECT_EQ(out.Dense(), expected.Dense());
      }
    }
  }
}

// One query whose results are its weights, values being unit vectors: of scores 0 and -(1 + i /
// 128) in powers of 2, which are bfloat16 themselves, and a quarter, half and three quarters of
// such a step below, which are the sum of two.
TEST_P(BackendOps, VarlenAttentionWeighsAsExactlyAsItsNumbers) {
  constexpr int64_t kKeys = 128;
  for (const int64_t quarters : {0, 1, 2, 3}) {
    Table qkv(kKeys, 3 * kKeys);
    for (int64_t t = 0; t < kKeys; ++t) {
      float* const row = qkv.view().row(t);
      std::fill_n(row, 3 * kKeys, 0.0f);
      row[0] = row[1] = 1.0f;
      row[2 * kKeys + t] = 1.0f;
      if (t == 0) continue;
      row[kKeys] = -1.0f - static_cast<float>(t) / 128.0f;
      row[kKeys + 1] = -static_cast<float>(quarters) / 512.0f;
    }
    for (const auto& [type, tolerance] :
         {std::pair(ComputeType::kFloat32, 2e-6),
          std::pair(ComputeType::kBFloat16, quarters == 0 ? 0x1.02p-8 : 0x1.b0p-8)}) {
      Table out(kKeys, kKeys);
      backend().VarlenAttention(context(), qkv.view(), {}, Cumulate({kKeys}), {1, 0.69314718f},
                                type, out.view());
      const auto expect = [&, within = tolerance](Table result) {
        const float* const weights = result.view().row(0);
        for (int64_t t = 1; t < kKeys; ++t) {
          const double score = 1.0 + static_cast<double>(4 * t + quarters) / 512;
          EXPECT_NEAR(weights[t] / weights[0] * std::exp2(score), 1.0, within)
              << "key " << t << " and " << quarters << " quarters";
        }
      };
      expect(out);
      if (backend().AttentionInputType(type) == ComputeType::kBFloat16) {
        expect(AttendToRounded(backend(), context(), qkv, {}, Cumulate({kKeys}), {1, 0.69314718f}));
      }
    }
  }
}

// Scores whose last bit is worth more than any difference of two weights: still no weights of zero
// alone. The last key is far above or below the others.
TEST_P(BackendOps, VarlenAttentionOfHugeScores) {
  constexpr int64_t kHeadDim = 32;
  for (const int64_t keys : {1, 20, 40, 600}) {
    for (const float score : {1e9f, -1e9f, 3e9f, -3e9f, 1e12f, -1e12f, 1e30f, -1e30f}) {
      Table qkv(keys, 3 * kHeadDim);
      for (int64_t t = 0; t < keys; ++t) {
        float* const row = qkv.view().row(t);
        std::fill_n(row, 2 * kHeadDim, 0.0f);
        row[0] = score;
        row[kHeadDim] = t == keys - 1 ? 2.0f : 1.0f;
        std::fill_n(row + 2 * kHeadDim, kHeadDim, t == keys - 1 ? 3.0f : 1.0f);
      }
      const bool last_alone = score > 0 || keys == 1;
      const std::vector<int32_t> cu_seqlens = Cumulate({static_cast<int32_t>(keys)});
      const auto expect = [&](Table out) {
        for (const float value : out.Dense()) {
          ASSERT_NEAR(value, last_alone ? 3.0f : 1.0f, 2e-6) << keys << " keys of " << score;
        }
      };
      for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16}) {
        Table out(keys, kHeadDim);
        backend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {1, 1.0f}, type,
                                  out.view());
        expect(out);
      }
      if (backend().AttentionInputType(ComputeType::kBFloat16) == ComputeType::kBFloat16) {
        expect(AttendToRounded(backend(), context(), qkv, {}, cu_seqlens, {1, 1.0f}));
      }
    }
  }
}

}  // namespace
}  // namespace bge
