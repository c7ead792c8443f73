// Conformance: every op of every backend against ref, for odd shapes, dtypes, threads and, where a
// backend has several, instruction sets. A new backend is picked up from AllBackends(). Linear
// layers and attention have files of their own, backend_linear_test.cc,
// backend_attention_test.cc and backend_attention_bf16_test.cc.
#include "base/numeric.h"
#include "kernels/test_backend_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

TEST_P(BackendOps, EmbedLayerNormOfAnyTableTypes) {
  constexpr int64_t kVocab = 50;
  constexpr int64_t kPositions = 40;
  for (const int64_t hidden_size : {1, 3, 7, 8, 9, 15, 16, 17, 33, 384}) {
    for (const int64_t tokens : {0, 1, 2, 37, 300}) {
      for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kI8}) {
        for (const bool with_types : {true, false}) {
          SCOPED_TRACE("H " + std::to_string(hidden_size) + " T " + std::to_string(tokens) + " " +
                       std::string(DTypeName(dtype)));
          // One byte off: nothing in the tables is aligned.
          const Stored word(Coarse(kVocab * hidden_size), {kVocab, hidden_size}, dtype, 1);
          const Stored position(Coarse(kPositions * hidden_size), {kPositions, hidden_size}, dtype,
                                3);
          const Stored type(Coarse(2 * hidden_size), {2, hidden_size}, dtype, 1);
          EmbeddingTables tables = {word.view(), position.view(), {}};
          if (with_types) tables.token_type = type.view();
          std::vector<int32_t> ids;
          std::vector<int32_t> positions;
          std::vector<int32_t> types;
          for (int64_t t = 0; t < tokens; ++t) {
            ids.push_back(static_cast<int32_t>(random_() % kVocab));
            positions.push_back(static_cast<int32_t>(random_() % kPositions));
            types.push_back(static_cast<int32_t>(random_() % 2));
          }
          if (with_types && tokens == 2) types.clear();  // all of type 0
          const std::vector<float> gamma = Normal(hidden_size);
          const std::vector<float> beta = Normal(hidden_size);
          const EmbeddingInputs inputs = {ids, positions, types};
          Table out(tokens, hidden_size, 1);
          Table expected(tokens, hidden_size);
          backend().EmbedLayerNorm(context(), inputs, tables, gamma, beta, 1e-12f, out.view(), {});
          ReferenceBackend().EmbedLayerNorm(context(), inputs, tables, gamma, beta, 1e-12f,
                                            expected.view(), {});
          ExpectClose(out, expected, 4e-6, 2e-6);
        }
      }
    }
  }
}

TEST_P(BackendOps, AddBiasLayerNormInEveryForm) {
  for (const int64_t hidden_size : {1, 2, 7, 8, 9, 31, 32, 33, 40, 384, 1024}) {
    for (const int64_t rows : {0, 1, 5, 200}) {
      for (int form = 0; form < 8; ++form) {
        SCOPED_TRACE("H " + std::to_string(hidden_size) + " rows " + std::to_string(rows) +
                     " form " + std::to_string(form));
        const std::vector<float> bias = (form & 1) ? Normal(hidden_size) : std::vector<float>();
        Table residual = NormalTable(rows, hidden_size, 2);
        const ConstMatrix add = (form & 2) ? ConstMatrix(residual.view()) : ConstMatrix();
        Table x = NormalTable(rows, hidden_size, 1, 3.0f);
        const std::vector<float> gamma = Normal(hidden_size);
        const std::vector<float> beta = Normal(hidden_size);
        Table expected(rows, hidden_size);
        ReferenceBackend().AddBiasLayerNorm(context(), x.view(), bias, add, gamma, beta, 1e-5f,
                                            expected.view(), {});
        // In place over x, or over the residual, or neither.
        Table fresh(rows, hidden_size, 3);
        Table& out = (form & 4) ? ((form & 2) ? residual : x) : fresh;
        backend().AddBiasLayerNorm(context(), x.view(), bias, add, gamma, beta, 1e-5f, out.view(),
                                   {});
        // Rows of one or two numbers may be nearly constant: 1 / deviation then magnifies rounding.
        ExpectClose(out, expected, hidden_size < 3 ? 1e-3 : 4e-6, 2e-6);
      }
    }
  }
}

// Both results: the sum, which AddBiasLayerNorm drops, and its norm in every format.
TEST_P(BackendOps, ResidualLayerNormInEveryForm) {
  for (const int64_t hidden_size : {3, 7, 8, 9, 31, 32, 33, 40, 384, 1024}) {
    for (const int64_t rows : {0, 1, 5, 200}) {
      for (int form = 0; form < 3; ++form) {
        SCOPED_TRACE("H " + std::to_string(hidden_size) + " rows " + std::to_string(rows) +
                     " form " + std::to_string(form));
        const std::vector<float> bias = form == 1 ? Normal(hidden_size) : std::vector<float>();
        Table y = NormalTable(rows, hidden_size, 1, 3.0f);
        const ConstMatrix add = form == 2 ? ConstMatrix() : ConstMatrix(y.view());
        Table x = NormalTable(rows, hidden_size, 2);
        const std::vector<float> gamma = Normal(hidden_size);
        const std::vector<float> beta = Normal(hidden_size);
        Table sum = x;
        Table expected(rows, hidden_size);
        ReferenceBackend().ResidualLayerNorm(context(), add, bias, gamma, beta, 1e-5f, sum.view(),
                                             expected.view());
        const Table before = x;
        Table normalized(rows, hidden_size, 3);
        backend().ResidualLayerNorm(context(), add, bias, gamma, beta, 1e-5f, x.view(),
                                    normalized.view());
        ExpectClose(x, sum, 1e-6, 2e-7);
        ExpectClose(normalized, expected, 4e-6, 2e-6);

        for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
          if (!backend().Supports(type)) continue;
          const Operand rounded = NewOperand(workspace_, type, rows, hidden_size);
          const Operand same = NewOperand(workspace_, type, rows, hidden_size);
          Table again = before;
          backend().ResidualLayerNorm(context(), add, bias, gamma, beta, 1e-5f, again.view(),
                                      rounded);
          EXPECT_EQ(again.Dense(), x.Dense());
          backend().ToOperand(context(), normalized.view(), same);
          ExpectSameOperand(rounded, same);
          workspace_.Reset();
        }
      }
    }
  }
}

// The operand that a norm leaves beside its rows is ToOperand of them.
TEST_P(BackendOps, NormsRoundTheirRows) {
  for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
    if (!backend().Supports(type)) continue;
    for (const int64_t hidden_size : {1, 7, 32, 33, 384}) {
      for (const int64_t rows : {0, 1, 7, 8, 9, 200}) {
        SCOPED_TRACE("H " + std::to_string(hidden_size) + " rows " + std::to_string(rows));
        const std::vector<float> gamma = Normal(hidden_size);
        const std::vector<float> beta = Normal(hidden_size);
        const Operand rounded = NewOperand(workspace_, type, rows, hidden_size);
        const Operand expected = NewOperand(workspace_, type, rows, hidden_size);
        Table x = NormalTable(rows, hidden_size, 1, 3.0f);
        backend().AddBiasLayerNorm(context(), x.view(), {}, {}, gamma, beta, 1e-5f, x.view(),
                                   rounded);
        backend().ToOperand(context(), x.view(), expected);
        ExpectSameOperand(rounded, expected);

        const std::vector<float> numbers = Coarse(rows * hidden_size);
        const Stored words(numbers, {rows, hidden_size}, DType::kF32, 0);
        const EmbeddingTables tables = {words.view(), {}, {}};
        std::vector<int32_t> ids(static_cast<size_t>(rows));
        for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i);
        backend().EmbedLayerNorm(context(), {ids, ids, {}}, tables, gamma, beta, 1e-5f, x.view(),
                                 rounded);
        backend().ToOperand(context(), x.view(), expected);
        ExpectSameOperand(rounded, expected);
        workspace_.Reset();
      }
    }
  }
}

// A constant far from zero: E[x^2] - E[x]^2 would give garbage.
TEST_P(BackendOps, LayerNormOfRowsWithALargeMean) {
  Table x = NormalTable(20, 384, 0, 0.25f);
  for (int64_t r = 0; r < 20; ++r) {
    for (int64_t c = 0; c < 384; ++c) x.view().row(r)[c] += 1000.0f;
  }
  const std::vector<float> ones(384, 1.0f);
  const std::vector<float> zeros(384, 0.0f);
  Table out(20, 384);
  Table expected(20, 384);
  backend().AddBiasLayerNorm(context(), x.view(), {}, {}, ones, zeros, 1e-12f, out.view(), {});
  ReferenceBackend().AddBiasLayerNorm(context(), x.view(), {}, {}, ones, zeros, 1e-12f,
                                      expected.view(), {});
  ExpectClose(out, expected, 4e-6, 2e-6);
}

TEST_P(BackendOps, ActivationsOfOddShapes) {
  for (const Activation activation :
       {Activation::kIdentity, Activation::kGeluErf, Activation::kGeluTanh, Activation::kRelu,
        Activation::kSilu, Activation::kTanh, Activation::kSigmoid}) {
    for (const int64_t cols : {0, 1, 7, 8, 9, 16, 17, 1536}) {
      for (const int64_t rows : {0, 1, 3, 100}) {
        for (const bool with_bias : {false, true}) {
          SCOPED_TRACE("activation " + std::to_string(static_cast<int>(activation)) + " [" +
                       std::to_string(rows) + ", " + std::to_string(cols) + "]");
          Table x = NormalTable(rows, cols, 1, 3.0f);
          Table expected = x;
          const std::vector<float> bias = with_bias ? Normal(cols) : std::vector<float>();
          backend().BiasActivation(context(), x.view(), bias, activation);
          ReferenceBackend().BiasActivation(context(), expected.view(), bias, activation);
          ExpectClose(x, expected, 2e-7, 5e-7);
        }
      }
    }
  }
}

TEST_P(BackendOps, GatedActivationsOfOddShapes) {
  for (const Activation activation :
       {Activation::kIdentity, Activation::kGeluErf, Activation::kGeluTanh, Activation::kRelu,
        Activation::kSilu, Activation::kTanh, Activation::kSigmoid}) {
    for (const int64_t cols : {1, 3, 7, 8, 9, 16, 17, 33, 200}) {
      for (const int64_t rows : {0, 1, 70}) {
        SCOPED_TRACE("activation " + std::to_string(static_cast<int>(activation)) + " cols " +
                     std::to_string(cols));
        Table x = NormalTable(rows, 2 * cols, 1, 2.0f);
        Table out(rows, cols, 2);
        Table expected(rows, cols);
        backend().GatedActivation(context(), x.view(), activation, out.view());
        ReferenceBackend().GatedActivation(context(), x.view(), activation, expected.view());
        ExpectClose(out, expected, 4e-7, 6e-7);

        // Other formats: what ToOperand makes of the product, but for 1e-4 of the activation.
        for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
          if (!backend().Supports(type)) continue;
          const Operand rounded = NewOperand(workspace_, type, rows, cols);
          backend().GatedActivation(context(), x.view(), activation, rounded);
          for (int64_t r = 0; r < rows; ++r) {
            float largest = 0.0f;
            for (int64_t c = 0; c < cols; ++c) {
              largest = std::max(largest, std::abs(expected.view().row(r)[c]));
            }
            const float step = type == ComputeType::kInt8 ? largest / 60.0f : largest / 256.0f;
            for (int64_t c = 0; c < cols; ++c) {
              const float gate = std::abs(x.view().row(r)[cols + c]);
              EXPECT_NEAR(OperandValue(rounded, r, c), expected.view().row(r)[c],
                          step + 1e-4f * gate);
            }
          }
          workspace_.Reset();
        }
      }
    }
  }
}

struct ActivationBound {
  Activation activation;
  double abs_tolerance;
  double rel_tolerance;
};

// Over all of [-30, 30] in steps of 2^-15, and the extremes.
TEST_P(BackendOps, ActivationsAreAccurateEverywhere) {
  const ActivationBound bounds[] = {
      {Activation::kGeluErf, 1e-7, 2e-7}, {Activation::kGeluTanh, 2e-7, 2e-7},
      {Activation::kRelu, 0.0, 0.0},      {Activation::kSilu, 2e-7, 3e-7},
      {Activation::kTanh, 0.0, 3e-7},     {Activation::kSigmoid, 1e-38, 3e-7},
  };
  constexpr int64_t kSteps = 60 * 32768;
  for (const ActivationBound& bound : bounds) {
    Table x(1, kSteps + 8);
    float* row = x.view().row(0);
    for (int64_t i = 0; i < kSteps; ++i) row[i] = static_cast<float>(i) / 32768.0f - 30.0f;
    const float extremes[] = {0.0f, -0.0f, 1e-30f, -1e-30f, 87.0f, -87.0f, 100.0f, -100.0f};
    std::copy(std::begin(extremes), std::end(extremes), row + kSteps);
    Table expected = x;
    backend().BiasActivation(context(), x.view(), {}, bound.activation);
    ReferenceBackend().BiasActivation(context(), expected.view(), {}, bound.activation);
    const std::vector<float> a = x.Dense();
    const std::vector<float> e = expected.Dense();
    const Difference difference = Compare(a, e, bound.abs_tolerance, bound.rel_tolerance);
    EXPECT_EQ(difference.offenders, 0)
        << "activation " << static_cast<int>(bound.activation) << ": " << difference.ToString();
    RecordProperty("activation_" + std::to_string(static_cast<int>(bound.activation)),
                   difference.ToString());
  }
}

// Angles of any size; rows that are part of wider ones, as q and k are of qkv.
TEST_P(BackendOps, RotaryEmbeddingOfOddShapes) {
  for (const int64_t head_dim : {2, 6, 8, 16, 24, 64, 66, 128}) {
    for (const int64_t num_heads : {1, 5}) {
      for (const std::vector<int32_t>& batch :
           std::vector<std::vector<int32_t>>{{}, {0}, {1}, {0, 3, 0, 0, 200, 1, 0}, {7, 8, 9}}) {
        SCOPED_TRACE("D " + std::to_string(head_dim) + " heads " + std::to_string(num_heads));
        const std::vector<int32_t> cu_seqlens = Cumulate(batch);
        Table turns(200, head_dim, 1);
        for (int64_t p = 0; p < 200; ++p) {
          for (int64_t d = 0; d < head_dim / 2; ++d) {
            const auto angle = static_cast<float>(p * (d + 1)) * 0.3f;
            turns.view().row(p)[d] = std::cos(angle);
            turns.view().row(p)[head_dim / 2 + d] = std::sin(angle);
          }
        }
        Table x = NormalTable(cu_seqlens.back(), num_heads * head_dim, 3);
        Table expected = x;
        backend().RotaryEmbedding(context(), turns.view(), cu_seqlens, x.view());
        ReferenceBackend().RotaryEmbedding(context(), turns.view(), cu_seqlens, expected.view());
        ExpectClose(x, expected, 5e-7, 2e-7);
      }
    }
  }
}

// The specification itself: a pair of numbers turns as a point in the plane does.
TEST(RotaryEmbedding, TurnsPairsOfTheHalves) {
  ThreadPool pool(1);
  Workspace workspace;
  std::vector<float> turns = {1, 1, 0, 0, 0, -1, 1, 0};  // of position 1: 90 and 180 degrees
  std::vector<float> x = {1, 2, 3, 4, 1, 2, 3, 4};
  ReferenceBackend().RotaryEmbedding({pool, workspace}, Matrix(turns.data(), 2, 4),
                                     std::vector<int32_t>{0, 2}, Matrix(x.data(), 2, 4));
  EXPECT_EQ(x, (std::vector<float>{1, 2, 3, 4, -3, -2, 1, -4}));
}

TEST_P(BackendOps, PoolInEveryMode) {
  for (const int64_t hidden_size : {1, 7, 8, 9, 384}) {
    Table hidden = NormalTable(400, hidden_size, 1);
    const std::vector<PoolRange> ranges = {
        {0, 0, 1},       {1, 1, 4},    {4, 6, 10},    {10, 10, 10},    {10, 12, 12},
        {400, 400, 400}, {12, 12, 76}, {76, 76, 141}, {141, 150, 400}, {141, 399, 400}};
    for (const Pooling pooling :
         {Pooling::kCls, Pooling::kMax, Pooling::kMean, Pooling::kMeanSqrtLen,
          Pooling::kWeightedMean, Pooling::kLastToken}) {
      SCOPED_TRACE("H " + std::to_string(hidden_size) + " mode " +
                   std::to_string(static_cast<int>(pooling)));
      const auto n = static_cast<int64_t>(ranges.size());
      Table out(n, hidden_size, 2);
      Table expected(n, hidden_size);
      backend().Pool(context(), hidden.view(), ranges, pooling, out.view());
      ReferenceBackend().Pool(context(), hidden.view(), ranges, pooling, expected.view());
      ExpectClose(out, expected, 1e-6, 1e-6);
    }
  }
}

TEST_P(BackendOps, L2NormalizeOfAnySizeAndScale) {
  for (const int64_t cols : {1, 2, 3, 4, 7, 8, 9, 17, 384, 1024}) {
    for (const float scale : {1.0f, 1e-30f, 1e-20f, 1e20f, 1e37f, 0.0f}) {
      SCOPED_TRACE("cols " + std::to_string(cols) + " scale " + std::to_string(scale));
      Table x = NormalTable(9, cols, 1);
      for (int64_t r = 0; r < 9; ++r) {
        for (int64_t c = 0; c < cols; ++c) x.view().row(r)[c] *= scale;
      }
      Table expected = x;
      backend().L2Normalize(context(), x.view());
      ReferenceBackend().L2Normalize(context(), expected.view());
      ExpectClose(x, expected, 0.0, 2e-7);
    }
  }
}

TEST_P(BackendOps, DotProductsOfOddShapes) {
  for (const int64_t dimension : {0, 1, 3, 4, 7, 8, 9, 33, 384, 1024}) {
    for (const int64_t num_queries : {0, 1, 2, 3, 4, 7, 40}) {
      for (const int64_t num_rows : {0, 1, 3, 4, 5, 63, 300}) {
        SCOPED_TRACE("D " + std::to_string(dimension) + " Q " + std::to_string(num_queries) +
                     " R " + std::to_string(num_rows));
        Table queries = NormalTable(num_queries, dimension, 1);
        Table rows = NormalTable(num_rows, dimension, 2);
        Table scores(num_queries, num_rows, 3);
        Table expected(num_queries, num_rows);
        backend().DotProducts(context(), queries.view(), rows.view(), scores.view());
        ReferenceBackend().DotProducts(context(), queries.view(), rows.view(), expected.view());
        ExpectClose(scores, expected, 2e-6 * std::sqrt(static_cast<double>(dimension)), 1e-6);
      }
    }
  }
}

TEST_P(BackendOps, EqualVectorsScoreEquallyWhereverTheyAre) {
  constexpr int64_t kDimension = 387;
  Table queries = NormalTable(11, kDimension);
  Table rows = NormalTable(1003, kDimension);
  for (int64_t r = 0; r < 1003; r += 7) {
    std::copy_n(rows.view().row(1), kDimension, rows.view().row(r));
  }
  Table scores(11, 1003);
  backend().DotProducts(context(), queries.view(), rows.view(), scores.view());
  for (int64_t q = 0; q < 11; ++q) {
    for (int64_t r = 0; r < 1003; r += 7) {
      ASSERT_EQ(scores.view().row(q)[r], scores.view().row(q)[1]) << "query " << q << " row " << r;
    }
    Table one(1, 1);
    backend().DotProducts(context(), queries.view().Rows(q, 1), rows.view().Rows(700, 1),
                          one.view());
    ASSERT_EQ(one.view().row(0)[0], scores.view().row(q)[1]);
  }
}

// Weights or texts gone bad: results may be anything, but the process lives, other rows are
// untouched, and NaN is not turned into a number.
TEST_P(BackendOps, NonFiniteValuesStayInTheirRow) {
  constexpr int64_t kHidden = 48;
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    SCOPED_TRACE(bad);
    Table x = NormalTable(9, kHidden);
    const Table clean = x;
    x.view().row(4)[5] = bad;
    const std::vector<float> gamma(kHidden, 1.0f);

    Table norm(9, kHidden);
    backend().AddBiasLayerNorm(context(), x.view(), {}, {}, gamma, gamma, 1e-12f, norm.view(), {});
    Table normalized = x;
    backend().L2Normalize(context(), normalized.view());
    for (int64_t r = 0; r < 9; ++r) {
      EXPECT_EQ(std::isfinite(norm.view().row(r)[0]), r != 4) << r;
      EXPECT_EQ(std::isfinite(normalized.view().row(r)[5]), r != 4) << r;
    }

    for (const Activation activation :
         {Activation::kGeluErf, Activation::kGeluTanh, Activation::kSilu, Activation::kTanh,
          Activation::kSigmoid, Activation::kRelu}) {
      Table activated = x;
      backend().BiasActivation(context(), activated.view(), {}, activation);
      for (int64_t c = 0; c < kHidden; ++c) {
        if (c != 5) {
          EXPECT_TRUE(std::isfinite(activated.view().row(4)[c]));
        }
      }
      if (std::isnan(bad)) {
        EXPECT_TRUE(std::isnan(activated.view().row(4)[5]));
      }
    }

    // Three sequences; the second one has the bad value.
    Table qkv(9, 3 * 16);
    for (int64_t r = 0; r < 9; ++r) std::copy_n(x.view().row(r), kHidden, qkv.view().row(r));
    Table out(9, 16);
    backend().VarlenAttention(context(), qkv.view(), {}, Cumulate({3, 3, 3}), {2, 0.3f},
                              ComputeType::kFloat32, out.view());
    for (int64_t r = 0; r < 9; ++r) {
      for (int64_t c = 0; c < 16; ++c) {
        if (r < 3 || r > 5) {
          EXPECT_TRUE(std::isfinite(out.view().row(r)[c])) << r << " " << c;
        }
      }
    }
    // Its query's head, 0, is not a number in the row; head 1 of the same row is.
    if (std::isnan(bad)) {
      EXPECT_TRUE(std::isnan(out.view().row(4)[0]));
    }
    EXPECT_TRUE(std::isfinite(out.view().row(4)[8]));

    Table pooled(1, kHidden);
    const PoolRange range[] = {{3, 3, 6}};
    for (const Pooling pooling : {Pooling::kMax, Pooling::kMean, Pooling::kWeightedMean}) {
      backend().Pool(context(), x.view(), range, pooling, pooled.view());
      if (std::isnan(bad)) {
        EXPECT_TRUE(std::isnan(pooled.view().row(0)[5]));
      }
      EXPECT_TRUE(std::isfinite(pooled.view().row(0)[6]));
    }

    const Stored weight(Coarse(8 * kHidden), {8, kHidden}, DType::kF32, 0);
    const TensorView parts[] = {weight.view()};
    const auto prepared = backend().PrepareLinear(parts, ComputeType::kFloat32);
    Table y(9, 8);
    backend().Linear(context(), x.view(), *prepared, {}, y.view());
    for (int64_t r = 0; r < 9; ++r) {
      if (r != 4) {
        EXPECT_TRUE(std::isfinite(y.view().row(r)[0]));
      }
    }
  }
}

TEST_P(BackendOps, StoredHalvesConvertExactly) {
  // All 65,536 bit patterns of each 16-bit type, through the embedding's path of a linear layer:
  // the identity times the weight gives the weight.
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    std::vector<uint16_t> bits;
    for (uint32_t b = 0; b < 65536; ++b) {
      const auto h = static_cast<uint16_t>(b);
      const float v = dtype == DType::kF16 ? F16ToFloat(h) : Bf16ToFloat(h);
      // Subnormal floats and what is not finite would not survive the multiplication below.
      if (!std::isfinite(v) || (v != 0.0f && std::abs(v) < 1e-37f)) continue;
      bits.push_back(h);
    }
    const auto n = static_cast<int64_t>(bits.size());
    const TensorView column = {bits.data(), dtype, {n, 1}};
    const TensorView parts[] = {column};
    const auto prepared = backend().PrepareLinear(parts, ComputeType::kFloat32);
    Table one(1, 1);
    one.view().row(0)[0] = 1.0f;
    Table y(1, n);
    backend().Linear(context(), one.view(), *prepared, {}, y.view());
    for (int64_t i = 0; i < n; ++i) {
      const uint16_t h = bits[static_cast<size_t>(i)];
      const float v = dtype == DType::kF16 ? F16ToFloat(h) : Bf16ToFloat(h);
      ASSERT_EQ(y.view().row(0)[i], v) << DTypeName(dtype) << " bits " << h;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, BackendOps, testing::ValuesIn(Variants()), VariantName);

}  // namespace
}  // namespace bge
