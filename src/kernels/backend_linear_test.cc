// Conformance of the linear layers and of the operands that they multiply. Instantiated in
// backend_ops_test.cc.
#include "base/numeric.h"
#include "kernels/test_backend_ops.h"
#include "tensor/int8_row.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace bge {
namespace {

TEST_P(BackendOps, LinearOfOddShapes) {
  const std::pair<int64_t, int64_t> weights[] = {{1, 1},  {3, 5},    {4, 8},    {5, 9},
                                                 {16, 8}, {17, 33},  {1, 384},  {50, 0},
                                                 {0, 7},  {384, 96}, {40, 1000}};
  for (const auto& [n, k] : weights) {
    const Stored stored(Coarse(n * k), {n, k}, DType::kF32, 0);
    const TensorView parts[] = {stored.view()};
    const auto prepared = backend().PrepareLinear(parts, ComputeType::kFloat32);
    const auto expected_weight = ReferenceBackend().PrepareLinear(parts, ComputeType::kFloat32);
    ASSERT_EQ(prepared->in_features(), k);
    ASSERT_EQ(prepared->out_features(), n);
    for (const int64_t m : {0, 1, 2, 3, 4, 7, 31, 32, 33, 64, 129, 400}) {
      SCOPED_TRACE("M " + std::to_string(m) + " N " + std::to_string(n) + " K " +
                   std::to_string(k));
      Table x = NormalTable(m, k, 3);
      Table y(m, n, 5);
      Table expected(m, n);
      backend().Linear(context(), x.view(), *prepared, {}, y.view());
      ReferenceBackend().Linear(context(), x.view(), *expected_weight, {}, expected.view());
      // The K products are added one after the other.
      ExpectClose(y, expected, 2e-6 * std::sqrt(static_cast<double>(k)), 2e-6);
    }
  }
}

TEST_P(BackendOps, LinearStacksPartsOfAnyTypeAndAlignment) {
  constexpr int64_t kK = 37;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kI8}) {
    for (const size_t offset : {0, 1, 2, 4}) {
      for (const int64_t num_parts : {1, 3}) {
        SCOPED_TRACE(std::string(DTypeName(dtype)) + ", offset " + std::to_string(offset) + ", " +
                     std::to_string(num_parts) + " parts");
        std::vector<Stored> stored;
        std::vector<TensorView> parts;
        int64_t n = 0;
        for (int64_t i = 0; i < num_parts; ++i) {
          const int64_t rows = 5 + 7 * i;
          stored.emplace_back(Coarse(rows * kK), Shape{rows, kK}, dtype, offset);
          n += rows;
        }
        for (const Stored& s : stored) parts.push_back(s.view());
        const auto prepared = backend().PrepareLinear(parts, ComputeType::kFloat32);
        const auto expected_weight = ReferenceBackend().PrepareLinear(parts, ComputeType::kFloat32);
        for (const int64_t m : {2, 40}) {
          Table x = NormalTable(m, kK);
          Table y(m, n);
          Table expected(m, n);
          backend().Linear(context(), x.view(), *prepared, {}, y.view());
          ReferenceBackend().Linear(context(), x.view(), *expected_weight, {}, expected.view());
          ExpectClose(y, expected, 1e-5, 1e-6);
        }
      }
    }
  }
}

// A file of int8 weights computes what the weights that it was rounded from compute, bit by bit.
TEST_P(BackendOps, LinearTakesStoredInt8AsItIs) {
  if (!backend().Supports(ComputeType::kInt8)) return;
  constexpr int64_t kRows = 9;
  for (const auto& [n, k] : {std::pair<int64_t, int64_t>{1, 1}, {70, 33}, {384, 96}}) {
    const std::vector<float> values = Normal(n * k);
    std::vector<int8_t> quantized;
    std::vector<float> scales;
    for (int64_t r = 0; r < n; ++r) {
      const auto row =
          std::span(values).subspan(static_cast<size_t>(r * k), static_cast<size_t>(k));
      const Int8Row rounded(row);
      for (const float v : row) quantized.push_back(rounded.Round(v));
      scales.push_back(rounded.scale());
    }
    const TensorView floats = {.data = values.data(), .dtype = DType::kF32, .shape = {n, k}};
    const TensorView stored = {.data = quantized.data(),
                               .dtype = DType::kI8,
                               .shape = {n, k},
                               .row_scales = scales.data()};
    const TensorView before[] = {floats, floats, floats};
    const TensorView after[] = {stored, floats, stored};
    const auto expected_weight = backend().PrepareLinear(before, ComputeType::kInt8);
    const auto prepared = backend().PrepareLinear(after, ComputeType::kInt8);
    Table x = NormalTable(kRows, k);
    const Operand input = NewOperand(workspace_, ComputeType::kInt8, kRows, k);
    backend().ToOperand(context(), x.view(), input);
    Table y(kRows, 3 * n);
    Table expected(kRows, 3 * n);
    backend().Linear(context(), input, *prepared, {}, y.view());
    backend().Linear(context(), input, *expected_weight, {}, expected.view());
    EXPECT_EQ(y.Dense(), expected.Dense()) << "N " << n << " K " << k;
  }
}

// Rows of linear layers, multiplied with few and with many others, on other threads: long rows too,
// which are cut so that W stays in a cache.
class RowsOfLinear : public BackendOps {
 protected:
  // Products on `pool` must be those of all rows on the variant's own pool, bit by bit.
  void ExpectTheSameOn(ThreadPool& pool) {
    constexpr int64_t kRows = 300;
    constexpr int64_t kN = 100;
    for (const int64_t k : {768, 1536, 3072, 4100}) {
      const Stored stored(Normal(kN * k, 0.05f), {kN, k}, DType::kF32, 0);
      const TensorView parts[] = {stored.view()};
      const int32_t exact[] = {5};
      Table x = NormalTable(kRows, k);
      x.view().row(3)[5] = 100.0f;  // outliers
      x.view().row(11)[6] = 100.0f;
      for (const ComputeType type :
           {ComputeType::kFloat32, ComputeType::kBFloat16, ComputeType::kInt8}) {
        if (!backend().Supports(type)) continue;
        const auto prepared = backend().PrepareLinear(parts, type, exact);
        const auto multiply = [&](ThreadPool& on, int64_t m) {
          const OpContext on_pool = {on, workspace_};
          Operand in = x.view().Rows(0, m);
          if (type != ComputeType::kFloat32) {
            in = NewOperand(workspace_, type, m, k);
            backend().ToOperand(on_pool, x.view().Rows(0, m), in);
          }
          Table y(m, kN);
          backend().Linear(on_pool, in, *prepared, {}, y.view());
          workspace_.Reset();
          return y.Dense();
        };
        const std::vector<float> all = multiply(pool_, kRows);
        for (const int64_t m : {1, 2, 5, 12, 13, 20, 24, 25, 31, 48, 49, 64, 100}) {
          const std::vector<float> some = multiply(pool, m);
          EXPECT_EQ(some, std::vector<float>(all.begin(), all.begin() + std::ssize(some)))
              << "K " << k << " M " << m << " type " << static_cast<int>(type);
        }
      }
    }
  }
};

TEST_P(RowsOfLinear, DoNotDependOnTheBatch) { ExpectTheSameOn(pool_); }

// Apart, as an emulator of another CPU may have no threads.
TEST_P(RowsOfLinear, DoNotDependOnTheThreads) {
  ThreadPool three(3);
  ExpectTheSameOn(three);
}

INSTANTIATE_TEST_SUITE_P(All, RowsOfLinear, testing::ValuesIn(Variants()), VariantName);

// W is rounded by the backends alike; x by the one under test: only the sums differ.
TEST_P(BackendOps, LinearOfNarrowTypes) {
  const std::pair<int64_t, int64_t> weights[] = {{1, 1},     {3, 5},    {17, 33},  {130, 64},
                                                 {50, 2},    {50, 0},   {384, 96}, {40, 1024},
                                                 {70, 1025}, {64, 1537}};
  for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
    if (!backend().Supports(type)) continue;
    for (const auto& [n, k] : weights) {
      const Stored stored(Normal(n * k), {n, k}, DType::kF32, 0);
      const TensorView parts[] = {stored.view()};
      const auto prepared = backend().PrepareLinear(parts, type);
      const auto expected_weight = ReferenceBackend().PrepareLinear(parts, type);
      const std::vector<float> bias = Normal(n);
      for (const int64_t m : {1, 2, 6, 7, 31, 200}) {
        SCOPED_TRACE("type " + std::to_string(static_cast<int>(type)) + " M " + std::to_string(m) +
                     " N " + std::to_string(n) + " K " + std::to_string(k));
        Table x = NormalTable(m, k, 3);
        Table y(m, n, 5);
        Table expected(m, n);
        const Epilogue epilogue = {bias, Activation::kGeluErf};
        const Operand in = NewOperand(workspace_, type, m, k);
        backend().ToOperand(context(), x.view(), in);
        backend().Linear(context(), in, *prepared, epilogue, y.view());
        ReferenceBackend().Linear(context(), in, *expected_weight, epilogue, expected.view());
        ExpectClose(y, expected, 3e-6 * std::sqrt(static_cast<double>(k)), 3e-6);

        // The next layer's operand, of this type or another, is the result rounded. (A GELU may be
        // coarser then.)
        const Epilogue exact = {bias, Activation::kRelu};
        backend().Linear(context(), in, *prepared, exact, y.view());
        for (const ComputeType next : {ComputeType::kBFloat16, ComputeType::kInt8}) {
          if (!backend().Supports(next)) continue;
          const Operand out = NewOperand(workspace_, next, m, n);
          const Operand rounded = NewOperand(workspace_, next, m, n);
          backend().Linear(context(), in, *prepared, exact, out);
          backend().ToOperand(context(), y.view(), rounded);
          ExpectSameOperand(out, rounded);
        }
        workspace_.Reset();
      }
    }
  }
}

// Where the result is rounded to a narrow type, before that it may be off by what no such type
// shows.
TEST_P(BackendOps, GeluOfNarrowResultsIsAccurateEverywhere) {
  const Stored one({1.0f}, {1, 1}, DType::kF32, 0);
  const TensorView parts[] = {one.view()};
  std::vector<float> values = {0.0f, 1e-30f, -1e-30f, 1e4f, -1e4f};
  for (float v = -14.0f; v <= 14.0f; v += 0.0009765625f) values.push_back(v);
  for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
    if (!backend().Supports(type)) continue;
    // A row of one number: int8 has a step for it exactly.
    const auto rows = static_cast<int64_t>(values.size());
    const Operand in = NewOperand(workspace_, type, rows, 1);
    const Operand out = NewOperand(workspace_, type, rows, 1);
    backend().ToOperand(context(), {values.data(), rows, 1}, in);
    backend().Linear(context(), in, *backend().PrepareLinear(parts, type),
                     {{}, Activation::kGeluErf}, out);
    for (int64_t r = 0; r < rows; ++r) {
      const double x = OperandValue(in, r, 0);
      const double expected = 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
      const double rounding = type == ComputeType::kBFloat16 ? 1.0 / 256.0 : 1e-6;
      EXPECT_NEAR(OperandValue(out, r, 0), expected, 8e-5 + rounding * std::abs(expected)) << x;
    }
    workspace_.Reset();
  }
}

TEST_P(BackendOps, OperandsAreRoundedByHalfAStepAtMost) {
  for (const int64_t k : {1, 2, 15, 16, 17, 100, 1536}) {
    Table x = NormalTable(3, k, 1);
    x.view().row(1)[k - 1] = -40.0f;
    for (int64_t c = 0; c < k; ++c) x.view().row(2)[c] = 0.0f;
    for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
      if (!backend().Supports(type)) continue;
      const Operand out = NewOperand(workspace_, type, 3, k);
      backend().ToOperand(context(), x.view(), out);
      for (int64_t r = 0; r < 3; ++r) {
        for (int64_t c = 0; c < k; ++c) {
          const float value = x.view().row(r)[c];
          const float got = OperandValue(out, r, c);
          const float step =
              type == ComputeType::kInt8 ? out.scales[r].scale : std::abs(value) / 128.0f;
          // The zero point is rounded too: at the ends of a row that may cost another half.
          EXPECT_LE(std::abs(got - value), (type == ComputeType::kInt8 ? 1.01f : 0.51f) * step);
        }
      }
      workspace_.Reset();
    }
  }
}

// One, some, as many as there may be, and one too many; of any size and next to zeros.
TEST_P(BackendOps, Int8OutliersAreExactAndLeaveTheOthersTheirSteps) {
  if (!backend().Supports(ComputeType::kInt8)) return;
  constexpr int64_t kK = 203;
  constexpr int64_t kN = 70;
  const Stored stored(Normal(kN * kK), {kN, kK}, DType::kF32, 0);
  const TensorView parts[] = {stored.view()};
  const auto prepared = backend().PrepareLinear(parts, ComputeType::kInt8);
  const auto expected_weight = ReferenceBackend().PrepareLinear(parts, ComputeType::kInt8);
  for (const int outliers : {0, 1, 2, 3, kMaxOutliers, kMaxOutliers + 1}) {
    for (const float size : {30.0f, -30.0f, 1e4f, 1e30f}) {
      for (const float others : {1.0f, 0.0f, 1e-20f}) {
        SCOPED_TRACE(std::to_string(outliers) + " of " + std::to_string(size) + " in " +
                     std::to_string(others));
        Table x = NormalTable(7, kK);
        for (int64_t r = 0; r < 7; ++r) {
          for (int64_t c = 0; c < kK; ++c) {
            x.view().row(r)[c] = others * std::clamp(x.view().row(r)[c], -3.0f, 3.0f);
          }
          for (int i = 0; i < outliers; ++i) {
            x.view().row(r)[(r + 67 * i) % kK] = i % 2 == 0 ? size : -0.7f * size;
          }
        }
        const Operand in = NewOperand(workspace_, ComputeType::kInt8, 7, kK);
        backend().ToOperand(context(), x.view(), in);
        const bool taken = outliers > 0 && outliers <= kMaxOutliers && others > 0.0f;
        for (int64_t r = 0; taken && r < 7; ++r) {
          ASSERT_EQ(in.scales[r].num_outliers, outliers);
          const float largest = 6.0f * others / 127.0f;  // of a range of 3 each way
          EXPECT_LE(in.scales[r].scale,
                    std::max(largest, 1.001f * std::abs(size) / kMaxOutlierSteps));
          for (int64_t c = 0; c < kK; ++c) {
            const float value = x.view().row(r)[c];
            EXPECT_NEAR(OperandValue(in, r, c), value,
                        1.01 * in.scales[r].scale + 1e-7 * std::abs(value));
          }
        }
        Table y(7, kN);
        Table expected(7, kN);
        backend().Linear(context(), in, *prepared, {}, y.view());
        ReferenceBackend().Linear(context(), in, *expected_weight, {}, expected.view());
        ExpectClose(y, expected, 4e-5 * std::max(1.0f, std::abs(size)), 4e-6);
        workspace_.Reset();
      }
    }
  }
}

// In the columns that are listed, W has 15 bits for an outlier, else 8: of floats alone.
TEST_P(BackendOps, Int8OutliersMeetExactColumnsOfW) {
  if (!backend().Supports(ComputeType::kInt8)) return;
  constexpr int64_t kK = 203;
  constexpr int64_t kN = 70;
  constexpr float kOutlier = -30.0f;
  const int32_t exact[] = {202, 0, 66, 67};
  const std::vector<float> values = Normal(kN * kK);
  const Stored floats(values, {kN, kK}, DType::kF32, 0);
  const Stored integers(Normal(kN * kK, 0.3f), {kN, kK}, DType::kI8, 0);
  const TensorView parts[] = {integers.view(), floats.view()};
  const auto prepared = backend().PrepareLinear(parts, ComputeType::kInt8, exact);
  const auto plain = backend().PrepareLinear(parts, ComputeType::kInt8);
  const auto expected_weight = ReferenceBackend().PrepareLinear(parts, ComputeType::kInt8, exact);

  Table x(6, kK);  // rows with an outlier of every kind, and one with four and other numbers
  const int64_t columns[] = {0, 66, 67, 202, 101};
  for (int64_t c = 0; c < kK; ++c) {
    for (int64_t r = 0; r < 5; ++r) x.view().row(r)[c] = c == columns[r] ? kOutlier : 0.0f;
    x.view().row(5)[c] = std::clamp(Normal(1)[0], -3.0f, 3.0f);
  }
  for (const int64_t c : {1, 66, 200, 202}) x.view().row(5)[c] = kOutlier;
  const Operand in = NewOperand(workspace_, ComputeType::kInt8, 6, kK);
  backend().ToOperand(context(), x.view(), in);
  Table y(6, 2 * kN, 3);
  Table rounded(6, 2 * kN);
  Table expected(6, 2 * kN);
  backend().Linear(context(), in, *prepared, {}, y.view());
  backend().Linear(context(), in, *plain, {}, rounded.view());
  ReferenceBackend().Linear(context(), in, *expected_weight, {}, expected.view());
  ExpectClose(y, expected, 1e-3, 4e-6);

  bool any_rounded = false;
  for (int64_t n = 0; n < kN; ++n) {
    const float* w = values.data() + n * kK;
    const float step = Int8Row(std::span(w, kK)).scale();
    for (int64_t r = 0; r < 5; ++r) {
      EXPECT_EQ(y.view().row(r)[n], rounded.view().row(r)[n]);  // of stored integers
      const float off = std::abs(y.view().row(r)[kN + n] - kOutlier * w[columns[r]]);
      const float bits = r < 4 ? 2.0f * kRemainderSteps : 2.0f;
      EXPECT_LE(off, std::abs(kOutlier) * step * 1.02f / bits) << "row " << r << " column " << n;
      any_rounded = any_rounded || (r == 4 && off > std::abs(kOutlier) * step / kRemainderSteps);
    }
  }
  EXPECT_TRUE(any_rounded);
  workspace_.Reset();
}

// A part's numbers are rounded to its own steps, however large those of another part are.
TEST_P(BackendOps, Int8PartsOfWHaveTheirOwnSteps) {
  if (!backend().Supports(ComputeType::kInt8)) return;
  constexpr int64_t kK = kMostInt8WholeColumns + 88;
  constexpr int64_t kN = 70;
  constexpr int32_t kExact = kInt8PartColumns + 44;
  constexpr float kOutlier = 30.0f;
  std::vector<float> values = Normal(kN * kK);
  for (int64_t n = 0; n < kN; ++n) {
    for (int64_t k = 0; k < kInt8PartColumns; ++k) values[static_cast<size_t>(n * kK + k)] *= 1e4f;
  }
  const Stored stored(values, {kN, kK}, DType::kF32, 0);
  const TensorView parts[] = {stored.view()};
  const int32_t exact[] = {kExact};
  const auto prepared = backend().PrepareLinear(parts, ComputeType::kInt8, exact);
  // Nothing meets the first part. Row 0: ones, which are no rounding; row 1: one outlier.
  Table x(2, kK);
  for (int64_t k = 0; k < kK; ++k) {
    x.view().row(0)[k] = k < kInt8PartColumns ? 0.0f : 1.0f;
    x.view().row(1)[k] = k == kExact ? kOutlier : 0.0f;
  }
  const Operand in = NewOperand(workspace_, ComputeType::kInt8, 2, kK);
  backend().ToOperand(context(), x.view(), in);
  Table y(2, kN);
  backend().Linear(context(), in, *prepared, {}, y.view());
  for (int64_t n = 0; n < kN; ++n) {
    const float* const w = values.data() + n * kK;
    double sum = 0.0;
    double squared_steps = 0.0;
    float step = 0.0f;  // of the exact column's part
    for (int64_t begin = kInt8PartColumns; begin < kK; begin += kInt8PartColumns) {
      const int64_t count = std::min(kInt8PartColumns, kK - begin);
      const float scale = Int8Row({w + begin, static_cast<size_t>(count)}).scale();
      if (begin == kInt8PartColumns) step = scale;
      squared_steps += static_cast<double>(count) * scale * scale;
      for (int64_t k = begin; k < begin + count; ++k) sum += w[k];
    }
    // Roundings are independent, each of a variance of step^2 / 12.
    EXPECT_NEAR(y.view().row(0)[n], sum, 6.0 * std::sqrt(squared_steps / 12.0)) << n;
    EXPECT_NEAR(y.view().row(1)[n], kOutlier * w[kExact],
                1.02f * kOutlier * step / (2.0f * kRemainderSteps))
        << n;
  }
  workspace_.Reset();
}

TEST_P(BackendOps, PackedWeightsAreTakenAgainWithTheSameExactColumnsAlone) {
  if (!backend().Supports(ComputeType::kInt8)) return;
  constexpr int64_t kK = 96;
  constexpr int64_t kN = 40;
  const Stored stored(Normal(kN * kK), {kN, kK}, DType::kF32, 0);
  const TensorView parts[] = {stored.view()};
  const int32_t exact[] = {5, 90};
  const int32_t others[] = {5, 91};
  const auto prepared = backend().PrepareLinear(parts, ComputeType::kInt8, exact);
  const auto packed = prepared->packed();
  auto* const memory = static_cast<std::byte*>(workspace_.Allocate(packed.size()));
  std::memcpy(memory, packed.data(), packed.size());
  const auto from = [&](size_t size, std::span<const int32_t> columns) {
    return backend().FromPacked({memory, size}, kN, kK, ComputeType::kInt8, columns);
  };
  EXPECT_EQ(from(packed.size(), {}), nullptr);
  EXPECT_EQ(from(packed.size(), others), nullptr);
  EXPECT_EQ(from(packed.size(), std::span(exact).first(1)), nullptr);
  EXPECT_EQ(from(packed.size() - 1, exact), nullptr);
  const auto again = from(packed.size(), exact);
  ASSERT_NE(again, nullptr);

  Table x = NormalTable(3, kK);
  for (int64_t r = 0; r < 3; ++r) x.view().row(r)[90] = 50.0f;
  const Operand in = NewOperand(workspace_, ComputeType::kInt8, 3, kK);
  backend().ToOperand(context(), x.view(), in);
  Table y(3, kN);
  Table expected(3, kN);
  backend().Linear(context(), in, *again, {}, y.view());
  backend().Linear(context(), in, *prepared, {}, expected.view());
  EXPECT_EQ(y.Dense(), expected.Dense());
  workspace_.Reset();
}

// The largest products that there are: 16-bit sums of pairs would saturate, 32-bit sums do not.
TEST_P(BackendOps, Int8NeverSaturates) {
  if (!backend().Supports(ComputeType::kInt8)) return;
  constexpr int64_t kK = 4096;
  constexpr int64_t kN = 20;
  const Stored stored(std::vector<float>(kN * kK, 127.0f), {kN, kK}, DType::kF32, 0);
  const TensorView parts[] = {stored.view()};
  const auto prepared = backend().PrepareLinear(parts, ComputeType::kInt8);
  for (const float value : {255.0f, -255.0f}) {
    Table x(2, kK);
    for (int64_t k = 0; k < kK; ++k) x.view().row(0)[k] = x.view().row(1)[k] = value;
    x.view().row(1)[7] = 0;
    const Operand in = NewOperand(workspace_, ComputeType::kInt8, 2, kK);
    backend().ToOperand(context(), x.view(), in);
    Table y(2, kN);
    backend().Linear(context(), in, *prepared, {}, y.view());
    for (int64_t n = 0; n < kN; ++n) {
      EXPECT_FLOAT_EQ(y.view().row(0)[n], value * 127.0f * kK);
      EXPECT_FLOAT_EQ(y.view().row(1)[n], value * 127.0f * (kK - 1));
    }
    workspace_.Reset();
  }
}

TEST_P(BackendOps, NarrowOperandsOfNonFiniteRowsShowIt) {
  for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
    if (!backend().Supports(type)) continue;
    const Stored stored(std::vector<float>(3 * 40, 1.0f), {3, 40}, DType::kF32, 0);
    const TensorView parts[] = {stored.view()};
    const auto prepared = backend().PrepareLinear(parts, type);
    for (const float bad : {kNan, kInfinity, -kInfinity}) {
      for (const int64_t at : {0, 15, 16, 39}) {
        Table x = NormalTable(2, 40);
        x.view().row(1)[at] = bad;
        const Operand in = NewOperand(workspace_, type, 2, 40);
        backend().ToOperand(context(), x.view(), in);
        Table y(2, 3);
        backend().Linear(context(), in, *prepared, {}, y.view());
        EXPECT_TRUE(std::isfinite(y.view().row(0)[0]));
        EXPECT_FALSE(std::isfinite(y.view().row(1)[0])) << bad << " at " << at;
      }
    }
    workspace_.Reset();
  }
}

}  // namespace
}  // namespace bge
