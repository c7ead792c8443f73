// Conformance of attention: of whole sequences, of windows, of the first keys, of first tokens.
// In bfloat16: backend_attention_bf16_test.cc. Instantiated in backend_ops_test.cc.
#include "kernels/test_backend_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

// Packed sequences with random q, k, v; scores of a few units, so that softmax is neither flat nor
// one-hot.
struct AttentionCase {
  int64_t num_heads;
  int64_t head_dim;
  std::vector<int32_t> cu_seqlens;
};

TEST_P(BackendOps, VarlenAttentionOfOddShapes) {
  const std::vector<std::vector<int32_t>> batches = {
      {},       {0},           {1},  {1, 0, 2},       {3, 4, 5, 6},  {7, 8, 9},
      {12, 30}, {15, 16, 17},  {24}, {31, 32, 33, 1}, {47, 48, 49},  {63, 65},
      {127},    {128, 5, 129}, {},   {255, 257},      {511, 512, 2}, {513, 3},
  };
  for (const int64_t head_dim : {1, 3, 8, 16, 24, 32, 40, 64, 96, 100}) {
    for (const std::vector<int32_t>& batch : batches) {
      const int32_t longest = batch.empty() ? 0 : *std::max_element(batch.begin(), batch.end());
      if (longest > 130 && head_dim != 32 && head_dim != 64 && head_dim != 24) continue;
      const int64_t num_heads = longest > 130 ? 1 : 3;
      const std::vector<int32_t> cu_seqlens = Cumulate(batch);
      const int64_t tokens = cu_seqlens.back();
      const int64_t hidden_size = num_heads * head_dim;
      for (const bool with_bias : {true, false}) {
        SCOPED_TRACE("D " + std::to_string(head_dim) + " longest " + std::to_string(longest) +
                     (with_bias ? " with bias" : ""));
        Table qkv = NormalTable(tokens, 3 * hidden_size, 2, 1.2f);
        const std::vector<float> bias = with_bias ? Normal(3 * hidden_size) : std::vector<float>();
        const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
        Table expected(tokens, hidden_size);
        ReferenceBackend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens,
                                           {num_heads, scale}, ComputeType::kFloat32,
                                           expected.view());
        // bfloat16 has steps of 2^-8: one for the scores, one for the weights, one for the values.
        for (const auto& [type, tolerance] :
             {std::pair(ComputeType::kFloat32, 6e-6), std::pair(ComputeType::kBFloat16, 4e-2)}) {
          Table out(tokens, hidden_size, 1);
          backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, {num_heads, scale},
                                    type, out.view());
          ExpectClose(out, expected, tolerance, 2e-6);
        }
      }
    }
  }
}

TEST_P(BackendOps, FirstTokenAttentionIsThatOfWholeSequences) {
  for (const int64_t head_dim : {1, 3, 16, 24, 32, 64, 100}) {
    const std::vector<int32_t> cu_seqlens = Cumulate({1, 2, 7, 16, 33, 300});
    const auto sequences = static_cast<int64_t>(cu_seqlens.size()) - 1;
    const int64_t hidden_size = 3 * head_dim;
    Table q = NormalTable(sequences, hidden_size, 1);
    Table keys_values = NormalTable(cu_seqlens.back(), 2 * hidden_size, 5, 1.2f);
    for (const bool with_bias : {true, false}) {
      SCOPED_TRACE("D " + std::to_string(head_dim) + (with_bias ? " with bias" : ""));
      const std::vector<float> bias = with_bias ? Normal(3 * hidden_size) : std::vector<float>();
      const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
      Table out(sequences, hidden_size, 2);
      Table expected(sequences, hidden_size);
      backend().FirstTokenAttention(context(), q.view(), keys_values.view(), bias, cu_seqlens,
                                    {3, scale}, out.view());
      ReferenceBackend().FirstTokenAttention(context(), q.view(), keys_values.view(), bias,
                                             cu_seqlens, {3, scale}, expected.view());
      ExpectClose(out, expected, 6e-6, 2e-6);
    }
  }
}

TEST_P(BackendOps, VarlenAttentionOfALongSequence) {
  const std::vector<int32_t> cu_seqlens = Cumulate({1100, 40});
  Table qkv = NormalTable(1140, 3 * 32, 0, 1.5f);
  const std::vector<float> bias = Normal(3 * 32);
  Table out(1140, 32);
  Table expected(1140, 32);
  backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, {1, 0.18f},
                            ComputeType::kFloat32, out.view());
  ReferenceBackend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, {1, 0.18f},
                                     ComputeType::kFloat32, expected.view());
  ExpectClose(out, expected, 6e-6, 2e-6);
}

// Queries that no token sees: late interaction's expansion. One block of keys, several, one key.
TEST_P(BackendOps, VarlenAttentionToTheFirstKeysAlone) {
  const std::vector<int32_t> cu_seqlens = Cumulate({32, 1, 0, 17, 130, 64, 600, 1100});
  const std::vector<int32_t> key_counts = {9, 1, 0, 16, 1, 64, 520, 513};
  constexpr int64_t kHeads = 2;
  for (const int64_t head_dim : {8, 24, 64}) {
    const int64_t hidden_size = kHeads * head_dim;
    const int64_t tokens = cu_seqlens.back();
    Table qkv = NormalTable(tokens, 3 * hidden_size, 1, 1.2f);
    const std::vector<float> bias = Normal(3 * hidden_size);
    // What is not seen may be anything.
    for (size_t n = 0; n < key_counts.size(); ++n) {
      for (int64_t t = cu_seqlens[n] + key_counts[n]; t < cu_seqlens[n + 1]; ++t) {
        float* const row = qkv.view().row(t);
        std::fill(row + hidden_size, row + 3 * hidden_size, std::nanf(""));
      }
    }
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
    Table expected(tokens, hidden_size);
    const AttentionOptions attention = {
        .num_heads = kHeads, .scale = scale, .key_counts = key_counts};
    ReferenceBackend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention,
                                       ComputeType::kFloat32, expected.view());
    for (const auto& [type, tolerance] :
         {std::pair(ComputeType::kFloat32, 6e-6), std::pair(ComputeType::kBFloat16, 4e-2)}) {
      SCOPED_TRACE("D " + std::to_string(head_dim));
      Table out(tokens, hidden_size, 1);
      backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention, type,
                                out.view());
      ExpectClose(out, expected, tolerance, 2e-6);
    }
    // All keys of each sequence are what no counts are, bit by bit.
    std::vector<int32_t> all;
    for (size_t n = 0; n + 1 < cu_seqlens.size(); ++n) {
      all.push_back(cu_seqlens[n + 1] - cu_seqlens[n]);
    }
    Table finite = NormalTable(tokens, 3 * hidden_size, 1, 1.2f);
    Table with(tokens, hidden_size);
    Table without(tokens, hidden_size);
    backend().VarlenAttention(context(), finite.view(), bias, cu_seqlens,
                              {.num_heads = kHeads, .scale = scale, .key_counts = all},
                              ComputeType::kFloat32, with.view());
    backend().VarlenAttention(context(), finite.view(), bias, cu_seqlens, {kHeads, scale},
                              ComputeType::kFloat32, without.view());
    EXPECT_EQ(with.Dense(), without.Dense());
  }
}

// Both at once: each token sees those of the first keys that its window reaches, and some none.
TEST_P(BackendOps, VarlenAttentionToTheFirstKeysInAWindow) {
  const std::vector<int32_t> cu_seqlens = Cumulate({70, 1, 0, 40, 700, 600, 90});
  const std::vector<int32_t> key_counts = {50, 1, 0, 40, 670, 20, 7};
  Table qkv = NormalTable(cu_seqlens.back(), 3 * 32, 1, 1.2f);
  for (const bool biased : {true, false}) {
    const std::vector<float> bias = biased ? Normal(3 * 32) : std::vector<float>();
    const AttentionOptions attention = {
        .num_heads = 2, .scale = 0.25f, .window = 31, .key_counts = key_counts};
    Table expected(cu_seqlens.back(), 32);
    ReferenceBackend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention,
                                       ComputeType::kFloat32, expected.view());
    EXPECT_EQ(expected.view().row(70 + 1 + 40 + 700 + 51)[3], biased ? bias[64 + 3] : 0.0f);
    for (const auto& [type, tolerance] :
         {std::pair(ComputeType::kFloat32, 6e-6), std::pair(ComputeType::kBFloat16, 4e-2)}) {
      Table out(cu_seqlens.back(), 32, 1);
      backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention, type,
                                out.view());
      ExpectClose(out, expected, tolerance, 2e-6);
    }
  }
}

TEST_P(BackendOps, FirstTokenAttentionToTheFirstKeysAlone) {
  const std::vector<int32_t> cu_seqlens = Cumulate({32, 1, 17, 130});
  const std::vector<int32_t> key_counts = {9, 1, 16, 70};
  Table q = NormalTable(4, 48, 1, 1.2f);
  Table keys_values = NormalTable(cu_seqlens.back(), 2 * 48, 1, 1.2f);
  for (const auto window : {std::optional<int64_t>(), std::optional<int64_t>(12)}) {
    const AttentionOptions attention = {
        .num_heads = 3, .scale = 0.25f, .window = window, .key_counts = key_counts};
    Table out(4, 48, 1);
    Table expected(4, 48);
    backend().FirstTokenAttention(context(), q.view(), keys_values.view(), {}, cu_seqlens,
                                  attention, out.view());
    ReferenceBackend().FirstTokenAttention(context(), q.view(), keys_values.view(), {}, cu_seqlens,
                                           attention, expected.view());
    ExpectClose(out, expected, 6e-6, 2e-6);
  }
}

// Scores of hundreds: the softmax is one-hot, and exp must neither overflow nor give NaN.
TEST_P(BackendOps, VarlenAttentionWithLargeScores) {
  const std::vector<int32_t> cu_seqlens = Cumulate({40, 700});
  Table qkv = NormalTable(740, 3 * 64, 0, 12.0f);
  Table out(740, 64);
  Table expected(740, 64);
  backend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {2, 0.18f},
                            ComputeType::kFloat32, out.view());
  ReferenceBackend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {2, 0.18f},
                                     ComputeType::kFloat32, expected.view());
  // Scores up to 600 in float are off by 3e-5 and more, and so then are the weights, relatively.
  ExpectClose(out, expected, 3e-2, 1e-4);
}

// Kernels may weigh keys against the scores seen so far: here some queries find a key that is far
// above the first ones, by 2^20 to 2^2000, in the same block of keys and in a later one, in its
// whole panels and in its tail.
TEST_P(BackendOps, VarlenAttentionWhereLateKeysScoreMost) {
  constexpr int64_t kDim = 32;
  for (const int64_t late : {40, 300, 545, 699}) {
    for (const float step : {20.0f, 60.0f, 70.0f, 120.0f, 130.0f, 2000.0f}) {
      SCOPED_TRACE("key " + std::to_string(late) + ", " + std::to_string(step));
      const std::vector<int32_t> cu_seqlens = Cumulate({700});
      Table qkv = NormalTable(700, 3 * kDim, 0, 0.5f);
      for (int64_t t = 0; t < 700; ++t) {
        float* const row = qkv.view().row(t);
        row[0] = t % 3 == 0 ? 1.0f : t % 3 == 1 ? 0.0f : -1.0f;  // of the query
        row[kDim] = t == late ? step * 0.69314718f : 0.0f;       // of the key, in powers of 2
      }
      Table expected(700, kDim);
      ReferenceBackend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {1, 1.0f},
                                         ComputeType::kFloat32, expected.view());
      for (const auto& [type, tolerance] :
           {std::pair(ComputeType::kFloat32, 2e-5), std::pair(ComputeType::kBFloat16, 4e-2)}) {
        Table out(700, kDim);
        backend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {1, 1.0f}, type,
                                  out.view());
        ExpectClose(out, expected, tolerance, 1e-5);
      }
    }
  }
}

// A key that is no number spoils every query, wherever it lies.
TEST_P(BackendOps, VarlenAttentionKeepsNanOfLateKeys) {
  for (const int64_t late : {3, 40, 545, 699}) {
    const std::vector<int32_t> cu_seqlens = Cumulate({700});
    Table qkv = NormalTable(700, 3 * 32, 0, 0.5f);
    qkv.view().row(late)[32] = std::nanf("");
    for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16}) {
      Table out(700, 32);
      backend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {1, 1.0f}, type, out.view());
      const std::vector<float> values = out.Dense();
      EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return std::isnan(v); }))
          << "key " << late;
    }
  }
}

TEST_P(BackendOps, VarlenAttentionOfASequenceIsTheSameInAnyBatch) {
  for (const int32_t seqlen : {1, 5, 17, 130, 600}) {
    const int64_t hidden_size = 2 * 32;
    const std::vector<int32_t> cu_seqlens = Cumulate({33, seqlen, 7});
    Table qkv = NormalTable(40 + seqlen, 3 * hidden_size);
    const std::vector<float> bias = Normal(3 * hidden_size);
    Table all(40 + seqlen, hidden_size);
    backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, {2, 0.2f},
                              ComputeType::kFloat32, all.view());
    Table alone(seqlen, hidden_size);
    ThreadPool one(1);
    const OpContext single = {one, workspace_};
    backend().VarlenAttention(single, qkv.view().Rows(33, seqlen), bias, Cumulate({seqlen}),
                              {2, 0.2f}, ComputeType::kFloat32, alone.view());
    const std::vector<float> a = alone.Dense();
    const std::vector<float> b = all.Dense();
    EXPECT_EQ(std::memcmp(a.data(), b.data() + 33 * hidden_size, a.size() * sizeof(float)), 0)
        << "S " << seqlen;
  }
}

// Sequences that end inside, at and far beyond the window, blocks of keys and of queries.
TEST_P(BackendOps, VarlenAttentionSeesTheWindowAlone) {
  const std::vector<std::vector<int32_t>> batches = {
      {1, 0, 2, 9}, {31, 32, 33, 1}, {130, 64, 65, 66}, {383, 2, 385}, {513}, {900, 40}};
  for (const int64_t window : {0, 1, 3, 16, 63, 64, 127, 128, 300, 899, 5000}) {
    for (const std::vector<int32_t>& batch : batches) {
      for (const int64_t head_dim : {8, 24, 64}) {
        const int32_t longest = *std::max_element(batch.begin(), batch.end());
        if (longest > 130 && head_dim == 64) continue;
        const int64_t num_heads = longest > 130 ? 1 : 3;
        SCOPED_TRACE("window " + std::to_string(window) + " D " + std::to_string(head_dim) +
                     " longest " + std::to_string(longest));
        const std::vector<int32_t> cu_seqlens = Cumulate(batch);
        const int64_t tokens = cu_seqlens.back();
        const int64_t hidden_size = num_heads * head_dim;
        Table qkv = NormalTable(tokens, 3 * hidden_size, 2, 1.2f);
        const std::vector<float> bias =
            head_dim == 8 ? Normal(3 * hidden_size) : std::vector<float>();
        const AttentionOptions attention = {num_heads,
                                            1.0f / std::sqrt(static_cast<float>(head_dim)), window};
        Table expected(tokens, hidden_size);
        ReferenceBackend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention,
                                           ComputeType::kFloat32, expected.view());
        for (const auto& [type, tolerance] :
             {std::pair(ComputeType::kFloat32, 6e-6), std::pair(ComputeType::kBFloat16, 4e-2)}) {
          Table out(tokens, hidden_size, 1);
          backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention, type,
                                    out.view());
          ExpectClose(out, expected, tolerance, 2e-6);
        }
      }
    }
  }
}

TEST_P(BackendOps, AWindowThatReachesEverywhereIsNone) {
  const std::vector<int32_t> cu_seqlens = Cumulate({40, 700});
  Table qkv = NormalTable(740, 3 * 64);
  Table out(740, 64);
  Table expected(740, 64);
  backend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {2, 0.18f, 699},
                            ComputeType::kFloat32, out.view());
  ReferenceBackend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {2, 0.18f},
                                     ComputeType::kFloat32, expected.view());
  ExpectClose(out, expected, 6e-6, 2e-6);
}

// Scores of hundreds, where the largest of all keys is often one that a query does not see.
TEST_P(BackendOps, WindowsWithLargeScores) {
  const std::vector<int32_t> cu_seqlens = Cumulate({40, 700});
  Table qkv = NormalTable(740, 3 * 64, 0, 12.0f);
  for (const int64_t window : {5, 64, 200}) {
    Table out(740, 64);
    Table expected(740, 64);
    backend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {2, 0.18f, window},
                              ComputeType::kFloat32, out.view());
    ReferenceBackend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, {2, 0.18f, window},
                                       ComputeType::kFloat32, expected.view());
    ExpectClose(out, expected, 3e-2, 1e-4);
  }
}

TEST_P(BackendOps, WindowsOfASequenceAreTheSameInAnyBatch) {
  for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16}) {
    for (const int32_t seqlen : {1, 17, 130, 600, 1000}) {
      for (const int64_t window : {4, 64, 250}) {
        const int64_t hidden_size = 2 * 32;
        Table qkv = NormalTable(40 + seqlen, 3 * hidden_size);
        Table all(40 + seqlen, hidden_size);
        backend().VarlenAttention(context(), qkv.view(), {}, Cumulate({33, seqlen, 7}),
                                  {2, 0.2f, window}, type, all.view());
        Table alone(seqlen, hidden_size);
        ThreadPool one(1);
        const OpContext single = {one, workspace_};
        backend().VarlenAttention(single, qkv.view().Rows(33, seqlen), {}, Cumulate({seqlen}),
                                  {2, 0.2f, window}, type, alone.view());
        const std::vector<float> a = alone.Dense();
        const std::vector<float> b = all.Dense();
        EXPECT_EQ(std::memcmp(a.data(), b.data() + 33 * hidden_size, a.size() * sizeof(float)), 0)
            << "S " << seqlen << " window " << window;
      }
    }
  }
}

// A number for each head and distance, as T5 and MPNet have them: near tables and far ones, blocks
// of keys and of queries, one key.
TEST_P(BackendOps, AttentionWithABiasOfDistances) {
  const std::vector<std::vector<int32_t>> batches = {
      {1, 0, 2, 9}, {31, 32, 33, 1}, {130, 64}, {383, 2, 513}, {1100}};
  for (const int64_t farthest : {0, 1, 5, 91, 2000}) {
    for (const std::vector<int32_t>& batch : batches) {
      for (const int64_t head_dim : {8, 24, 64}) {
        const int32_t longest = *std::max_element(batch.begin(), batch.end());
        if (longest > 130 && (head_dim != 24 || farthest < 91)) continue;
        const int64_t num_heads = longest > 130 ? 2 : 3;
        SCOPED_TRACE("farthest " + std::to_string(farthest) + " D " + std::to_string(head_dim) +
                     " longest " + std::to_string(longest));
        const std::vector<int32_t> cu_seqlens = Cumulate(batch);
        const int64_t tokens = cu_seqlens.back();
        const int64_t hidden_size = num_heads * head_dim;
        Table qkv = NormalTable(tokens, 3 * hidden_size, 2, 1.2f);
        const std::vector<float> bias =
            head_dim == 8 ? Normal(3 * hidden_size) : std::vector<float>();
        const std::vector<float> distances = Normal(num_heads * (2 * farthest + 1));
        const AttentionOptions attention = {.num_heads = num_heads,
                                            .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
                                            .relative_bias = {distances, farthest}};
        Table expected(tokens, hidden_size);
        ReferenceBackend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention,
                                           ComputeType::kFloat32, expected.view());
        for (const auto& [type, tolerance] :
             {std::pair(ComputeType::kFloat32, 6e-6), std::pair(ComputeType::kBFloat16, 4e-2)}) {
          Table out(tokens, hidden_size, 1);
          backend().VarlenAttention(context(), qkv.view(), bias, cu_seqlens, attention, type,
                                    out.view());
          ExpectClose(out, expected, tolerance, 2e-6);
        }
      }
    }
  }
}

// Of the first keys alone, and of the first token alone, with the biases that these distances have.
TEST_P(BackendOps, ABiasOfDistancesInPartsOfASequence) {
  const std::vector<int32_t> cu_seqlens = Cumulate({32, 1, 17, 130, 700});
  const std::vector<int32_t> key_counts = {9, 1, 16, 70, 600};
  const std::vector<float> distances = Normal(3 * 41);
  const AttentionOptions attention = {
      .num_heads = 3, .scale = 0.25f, .key_counts = key_counts, .relative_bias = {distances, 20}};
  const int64_t tokens = cu_seqlens.back();
  Table qkv = NormalTable(tokens, 3 * 48, 1, 1.2f);
  Table out(tokens, 48, 1);
  Table expected(tokens, 48);
  backend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, attention, ComputeType::kFloat32,
                            out.view());
  ReferenceBackend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, attention,
                                     ComputeType::kFloat32, expected.view());
  ExpectClose(out, expected, 6e-6, 2e-6);

  Table first_queries(5, 48);
  Table first_expected(5, 48);
  for (int64_t n = 0; n < 5; ++n) {
    const int64_t t = cu_seqlens[static_cast<size_t>(n)];
    std::copy_n(qkv.view().row(t), 48, first_queries.view().row(n));
    std::copy_n(expected.view().row(t), 48, first_expected.view().row(n));
  }
  Table first(5, 48, 1);
  backend().FirstTokenAttention(context(), first_queries.view(), qkv.view().Columns(48, 96), {},
                                cu_seqlens, attention, first.view());
  ExpectClose(first, first_expected, 6e-6, 2e-6);
}

// A bias that lifts some keys far above the first ones, so that no weight may overflow.
TEST_P(BackendOps, ABiasOfDistancesMayBeLarge) {
  for (const float step : {20.0f, 70.0f, 300.0f}) {
    const std::vector<int32_t> cu_seqlens = Cumulate({700});
    Table qkv = NormalTable(700, 3 * 32, 0, 0.5f);
    std::vector<float> distances(2 * 400 + 1, 0.0f);
    for (size_t i = 450; i < 470; ++i) distances[i] = step;  // keys 50 to 70 tokens behind
    const AttentionOptions attention = {
        .num_heads = 1, .scale = 1.0f, .relative_bias = {distances, 400}};
    Table out(700, 32);
    Table expected(700, 32);
    backend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, attention,
                              ComputeType::kFloat32, out.view());
    ReferenceBackend().VarlenAttention(context(), qkv.view(), {}, cu_seqlens, attention,
                                       ComputeType::kFloat32, expected.view());
    ExpectClose(out, expected, 4e-5, 1e-5);
  }
}

TEST_P(BackendOps, ABiasOfDistancesIsTheSameInAnyBatch) {
  for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16}) {
    for (const int32_t seqlen : {1, 5, 17, 130, 600}) {
      const int64_t hidden_size = 2 * 32;
      Table qkv = NormalTable(40 + seqlen, 3 * hidden_size);
      const std::vector<float> distances = Normal(2 * 183);
      const AttentionOptions attention = {
          .num_heads = 2, .scale = 0.2f, .relative_bias = {distances, 91}};
      Table all(40 + seqlen, hidden_size);
      backend().VarlenAttention(context(), qkv.view(), {}, Cumulate({33, seqlen, 7}), attention,
                                type, all.view());
      Table alone(seqlen, hidden_size);
      ThreadPool one(1);
      const OpContext single = {one, workspace_};
      backend().VarlenAttention(single, qkv.view().Rows(33, seqlen), {}, Cumulate({seqlen}),
                                attention, type, alone.view());
      const std::vector<float> a = alone.Dense();
      const std::vector<float> b = all.Dense();
      EXPECT_EQ(std::memcmp(a.data(), b.data() + 33 * hidden_size, a.size() * sizeof(float)), 0)
          << "S " << seqlen;
    }
  }
}

}  // namespace
}  // namespace bge
