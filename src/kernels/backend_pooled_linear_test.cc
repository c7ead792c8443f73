// Conformance of linear layers whose rows are pooled. Instantiated in backend_ops_test.cc.
#include "kernels/test_backend_ops.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

constexpr TermPooling kPoolings[] = {TermPooling::kMax, TermPooling::kSumLog,
                                     TermPooling::kSumLogLog};

// Rows of a sequence end within a block of the kernels, at its end and behind it; some have none.
std::vector<int32_t> Sequences(int32_t rows) {
  std::vector<int32_t> cu_seqlens = {0};
  for (const int32_t length : {1, 0, 7, 40, 16, 1, 63, 0, 130, 400}) {
    if (cu_seqlens.back() == rows) break;
    cu_seqlens.push_back(std::min(rows, cu_seqlens.back() + length));
  }
  cu_seqlens.push_back(rows);
  return cu_seqlens;
}

TEST_P(BackendOps, PooledLinearOfOddShapes) {
  const std::pair<int64_t, int64_t> weights[] = {{1, 1}, {3, 5}, {17, 33}, {384, 96}, {1000, 40}};
  for (const auto& [n, k] : weights) {
    const Stored stored(Normal(n * k), {n, k}, DType::kF32, 0);
    const TensorView parts[] = {stored.view()};
    const auto prepared = backend().PrepareLinear(parts, ComputeType::kFloat32);
    const auto expected_weight = ReferenceBackend().PrepareLinear(parts, ComputeType::kFloat32);
    const std::vector<float> bias = Normal(n);
    for (const int32_t rows : {0, 1, 9, 64, 300}) {
      const std::vector<int32_t> cu_seqlens = Sequences(rows);
      Table x = NormalTable(rows, k, 3);
      for (const TermPooling pooling : kPoolings) {
        for (const std::span<const float> b : {std::span<const float>(), std::span(bias)}) {
          SCOPED_TRACE("rows " + std::to_string(rows) + " N " + std::to_string(n) + " K " +
                       std::to_string(k) + " pooling " + std::to_string(static_cast<int>(pooling)));
          const auto count = std::ssize(cu_seqlens) - 1;
          Table y(count, n, 5);
          Table expected(count, n);
          backend().PooledLinear(context(), x.view(), *prepared, b, cu_seqlens, pooling, y.view());
          ReferenceBackend().PooledLinear(context(), x.view(), *expected_weight, b, cu_seqlens,
                                          pooling, expected.view());
          ExpectClose(y, expected, 4e-6 * std::sqrt(static_cast<double>(k)), 4e-6);
        }
      }
    }
  }
}

// In every type, alone and among others, bit by bit.
TEST_P(BackendOps, PooledLinearOfASequenceIsTheSameInAnyBatch) {
  constexpr int64_t kN = 300;
  constexpr int64_t kK = 776;
  constexpr int32_t kRows = 200;
  const Stored stored(Normal(kN * kK, 0.05f), {kN, kK}, DType::kF32, 0);
  const TensorView parts[] = {stored.view()};
  const std::vector<float> bias = Normal(kN);
  const std::vector<int32_t> cu_seqlens = Sequences(kRows);
  Table x = NormalTable(kRows, kK);
  for (const ComputeType type :
       {ComputeType::kFloat32, ComputeType::kBFloat16, ComputeType::kInt8}) {
    if (!backend().Supports(type)) continue;
    const auto prepared = backend().PrepareLinear(parts, type);
    Operand in = x.view();
    if (type != ComputeType::kFloat32) {
      in = NewOperand(workspace_, type, kRows, kK);
      backend().ToOperand(context(), x.view(), in);
    }
    for (const TermPooling pooling : kPoolings) {
      const auto count = std::ssize(cu_seqlens) - 1;
      Table all(count, kN);
      backend().PooledLinear(context(), in, *prepared, bias, cu_seqlens, pooling, all.view());
      for (int64_t n = 0; n < count; ++n) {
        const int32_t begin = cu_seqlens[static_cast<size_t>(n)];
        const int32_t rows = cu_seqlens[static_cast<size_t>(n) + 1] - begin;
        const std::vector<int32_t> alone = {0, rows};
        Table one(1, kN);
        backend().PooledLinear(context(), in.Rows(begin, rows), *prepared, bias, alone, pooling,
                               one.view());
        EXPECT_EQ(one.Dense(), std::vector<float>(all.view().row(n), all.view().row(n) + kN))
            << "sequence " << n << " type " << static_cast<int>(type);
      }
    }
  }
}

TEST_P(BackendOps, PooledLinearShowsWhatIsNotFinite) {
  constexpr int64_t kK = 8;
  const Stored stored(std::vector<float>(40 * kK, 1.0f), {40, kK}, DType::kF32, 0);
  const TensorView parts[] = {stored.view()};
  const auto prepared = backend().PrepareLinear(parts, ComputeType::kFloat32);
  const std::vector<int32_t> cu_seqlens = {0, 3, 5};
  for (const TermPooling pooling : kPoolings) {
    Table x = NormalTable(5, kK);
    x.view().row(1)[2] = std::numeric_limits<float>::quiet_NaN();
    Table y(2, 40);
    backend().PooledLinear(context(), x.view(), *prepared, {}, cu_seqlens, pooling, y.view());
    for (int64_t c = 0; c < 40; ++c) {
      EXPECT_FALSE(std::isfinite(y.view().row(0)[c]));
      EXPECT_TRUE(std::isfinite(y.view().row(1)[c]));
    }
  }
}

}  // namespace
}  // namespace bge
