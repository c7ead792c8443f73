// activation(x + bias), as floats or rounded to bfloat16, and activation(a) * b.
//
// Memory-bound but for the GELUs: one read and one write of x. GeluErf takes about 25 instructions
// a vector (vector_math-inl.h).
#include "kernels/cpu/ops.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/activation.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/coarse_gelu-inl.h"
#include "kernels/cpu/vector_math-inl.h"
// clang-format on

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

struct IdentityFunction {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return x;
  }
};

struct GeluErfFunction {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return GeluErf(d, x);
  }
};

struct CoarseGeluErfFunction {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return CoarseGeluErf(d, x);
  }
};

struct GeluTanhFunction {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    // 0.5 x (1 + tanh y) = x sigmoid(2 y), y = sqrt(2 / pi) (x + 0.044715 x^3)
    const V x2 = hn::Mul(x, x);
    const V c = hn::MulAdd(x2, hn::Set(d, 0.0713548163f), hn::Set(d, 1.59576912f));
    return hn::Mul(x, Sigmoid(d, hn::Mul(x, c)));
  }
};

struct ReluFunction {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return AtLeast(d, 0.0f, x);
  }
};

struct SiluFunction {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Mul(x, Sigmoid(d, x));
  }
};

struct TanhFunction {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return Tanh(d, x);
  }
};

struct SigmoidFunction {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return Sigmoid(d, x);
  }
};

// Where results go: to floats, or rounded to bfloat16, the last of an odd row with zero behind it.
struct FloatRows {
  Matrix rows;
  template <class D>
  HWY_INLINE void Store(D d, hn::Vec<D> v, int64_t r, int64_t c) const {
    hn::StoreU(v, d, rows.row(r) + c);
  }
  template <class D>
  HWY_INLINE void StoreLast(D d, hn::Vec<D> v, int64_t r, int64_t c, size_t n) const {
    StoreFirst(d, v, rows.row(r) + c, n);
  }
};

template <class Rounding>
struct Bf16Rows {
  uint16_t* data;
  int64_t stride;
  template <class D>
  HWY_INLINE void Store(D d, hn::Vec<D> v, int64_t r, int64_t c) const {
    const hn::Rebind<uint16_t, D> d16;
    hn::StoreU(Rounding::Round(d, v), d16, data + r * stride + c);
  }
  template <class D>
  HWY_INLINE void StoreLast(D d, hn::Vec<D> v, int64_t r, int64_t c, size_t n) const {
    const hn::Rebind<uint16_t, D> d16;
    HWY_ALIGN uint16_t lanes[hn::MaxLanes(d) + 1];
    hn::Store(Rounding::Round(d, v), d16, lanes);
    if (n % 2 != 0) lanes[n] = 0;
    std::memcpy(data + r * stride + c, lanes, (n + n % 2) * sizeof(uint16_t));
  }
};

// Rows of `to` = function(x + bias). bias: [x.cols] or null.
template <class Function, class Rows>
void Map(ConstMatrix x, const float* bias, Function function, const Rows& to) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = x.cols - x.cols % lanes;
  const auto rest = static_cast<size_t>(x.cols - whole);
  for (int64_t r = 0; r < x.rows; ++r) {
    const float* row = x.row(r);
    for (int64_t c = 0; c < whole; c += lanes) {
      auto v = hn::LoadU(d, row + c);
      if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + c));
      to.Store(d, function(d, v), r, c);
    }
    if (rest != 0) {
      auto v = LoadFirst(d, row + whole, rest);
      if (bias != nullptr) v = hn::Add(v, LoadFirst(d, bias + whole, rest));
      to.StoreLast(d, function(d, v), r, whole, rest);
    }
  }
}

// out[r] = function(x[r] up to the middle) * x[r] behind it.
template <class Function>
void MapGated(ConstMatrix x, Matrix out, Function function) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = out.cols - out.cols % lanes;
  const auto rest = static_cast<size_t>(out.cols - whole);
  for (int64_t r = 0; r < x.rows; ++r) {
    const float* row = x.row(r);
    const float* gate = row + out.cols;
    float* to = out.row(r);
    for (int64_t c = 0; c < whole; c += lanes) {
      const auto v = function(d, hn::LoadU(d, row + c));
      hn::StoreU(hn::Mul(v, hn::LoadU(d, gate + c)), d, to + c);
    }
    if (rest != 0) {
      const auto v = function(d, LoadFirst(d, row + whole, rest));
      StoreFirst(d, hn::Mul(v, LoadFirst(d, gate + whole, rest)), to + whole, rest);
    }
  }
}

// map(the activation as a function of vectors).
template <class F>
void WithFunction(Activation activation, Accuracy accuracy, const F& map) {
  switch (activation) {
    case Activation::kIdentity:
      return map(IdentityFunction());
    case Activation::kGeluErf:
      if (accuracy == Accuracy::kNarrow) return map(CoarseGeluErfFunction());
      return map(GeluErfFunction());
    case Activation::kGeluTanh:
      return map(GeluTanhFunction());
    case Activation::kRelu:
      return map(ReluFunction());
    case Activation::kSilu:
      return map(SiluFunction());
    case Activation::kTanh:
      return map(TanhFunction());
    case Activation::kSigmoid:
      return map(SigmoidFunction());
  }
}

void ActivateRows(ConstMatrix x, const float* bias, Activation activation, Accuracy accuracy,
                  Matrix out) {
  WithFunction(activation, accuracy,
               [&](auto function) { Map(x, bias, function, FloatRows{out}); });
}

void ActivateRowsToBf16(ConstMatrix x, const float* bias, Activation activation,
                        bool has_instruction, uint16_t* to, int64_t stride) {
  WithFunction(activation, Accuracy::kNarrow, [&](auto function) {
    WithBf16Rounding(has_instruction, [&](auto rounding) {
      Map(x, bias, function, Bf16Rows<decltype(rounding)>{to, stride});
    });
  });
}

void GateRows(ConstMatrix x, Activation activation, Accuracy accuracy, Matrix out) {
  WithFunction(activation, accuracy, [&](auto function) { MapGated(x, out, function); });
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bge::cpu {

HWY_EXPORT(ActivateRows);
HWY_EXPORT(ActivateRowsToBf16);
HWY_EXPORT(GateRows);

void Activate(ConstMatrix x, const float* bias, Activation activation, Accuracy accuracy,
              Matrix out) {
  BGE_DCHECK(x.rows == out.rows && x.cols == out.cols);
  HWY_DYNAMIC_DISPATCH(ActivateRows)(x, bias, activation, accuracy, out);
}

void ActivateColumns(ConstMatrix x, const float* bias, Activation activation, const Operand& out,
                     int64_t column) {
  BGE_DCHECK(out.type == ComputeType::kBFloat16 && x.rows == out.rows && column % 2 == 0);
  HWY_DYNAMIC_DISPATCH(ActivateRowsToBf16)
  (x, bias, activation, CanUse(Extension::kAvx512Bf16), static_cast<uint16_t*>(out.data) + column,
   out.stride);
}

void BiasActivation(const OpContext& context, Matrix x, std::span<const float> bias,
                    Activation activation) {
  BGE_DCHECK(bias.empty() || static_cast<int64_t>(bias.size()) == x.cols);
  if (activation == Activation::kIdentity && bias.empty()) return;
  const float* b = bias.empty() ? nullptr : bias.data();
  // A GELU costs four times what a plain pass does.
  context.pool.ParallelFor(x.rows, RowGrain(4 * x.cols), [&](int64_t begin, int64_t end) {
    const Matrix rows = x.Rows(begin, end - begin);
    Activate(rows, b, activation, Accuracy::kFloat32, rows);
  });
}

void GatedActivation(const OpContext& context, ConstMatrix x, Activation activation,
                     const Operand& out) {
  BGE_DCHECK(x.rows == out.rows && x.cols == 2 * out.cols);
  context.pool.ParallelFor(x.rows, RowGrain(4 * out.cols), [&](int64_t begin, int64_t end) {
    if (out.type == ComputeType::kFloat32) {
      HWY_DYNAMIC_DISPATCH(GateRows)
      (x.Rows(begin, end - begin), activation, Accuracy::kFloat32,
       out.Rows(begin, end - begin).matrix());
      return;
    }
    // A row at a time: what is rounded is in the first-level cache.
    thread_local FloatScratch scratch;
    const Matrix row(scratch.Floats(static_cast<size_t>(out.cols)), 1, out.cols);
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(GateRows)(x.Rows(r, 1), activation, Accuracy::kNarrow, row);
      NarrowRows(row, out.Rows(r, 1));
    }
  });
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
