// Reads stored float32, float16, bfloat16 or int8 as float, at any alignment; compiled once per
// target.
#include "hwy/highway.h"
#include "kernels/element.h"

#include <algorithm>

#if defined(BGE_KERNELS_CPU_LOAD_TABLE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BGE_KERNELS_CPU_LOAD_TABLE_INL_H_
#undef BGE_KERNELS_CPU_LOAD_TABLE_INL_H_
#else
#define BGE_KERNELS_CPU_LOAD_TABLE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// One vector of stored values at byte address p as float. Loads go through bytes: p need not be
// aligned to the element.
template <DType kType, class D>
HWY_INLINE hn::Vec<D> LoadStored(D d, const uint8_t* p) {
  if constexpr (kType == DType::kF32) {
    const hn::Repartition<uint8_t, D> d8;
    return hn::BitCast(d, hn::LoadU(d8, p));
  } else {
    const hn::Rebind<uint16_t, D> d16;
    const hn::Repartition<uint8_t, decltype(d16)> d8;
    const auto bits = hn::BitCast(d16, hn::LoadU(d8, p));
    if constexpr (kType == DType::kBF16) {
      const hn::RebindToUnsigned<D> d32;
      return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, bits)));
    } else {
      const hn::Rebind<hwy::float16_t, D> df16;
      return hn::PromoteTo(d, hn::BitCast(df16, bits));
    }
  }
}

template <DType kType, bool kAdd, class D>
HWY_INLINE void ReadRange(D d, const TensorView& tensor, int64_t begin, int64_t count, float* out) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* p = static_cast<const uint8_t*>(tensor.data);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto v = LoadStored<kType>(d, p + static_cast<size_t>(begin + i) * DTypeBytes(kType));
    if constexpr (kAdd) v = hn::Add(hn::LoadU(d, out + i), v);
    hn::StoreU(v, d, out + i);
  }
  for (; i < count; ++i) {
    const float v = ReadElement(tensor, begin + i);
    out[i] = kAdd ? out[i] + v : v;
  }
}

// kI8, within one row.
template <bool kAdd, class D>
HWY_INLINE void ReadInt8Row(D d, const TensorView& tensor, int64_t begin, int64_t count,
                            float scale, float* out) {
  const hn::Rebind<int8_t, D> d8;
  const hn::RebindToSigned<D> d32;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* p = static_cast<const int8_t*>(tensor.data) + begin;
  const auto vscale = hn::Set(d, scale);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto q = hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, p + i)));
    const auto v = kAdd ? hn::MulAdd(q, vscale, hn::LoadU(d, out + i)) : hn::Mul(q, vscale);
    hn::StoreU(v, d, out + i);
  }
  for (; i < count; ++i) {
    const float v = static_cast<float>(p[i]) * scale;
    out[i] = kAdd ? out[i] + v : v;
  }
}

template <bool kAdd, class D>
HWY_INLINE void ReadInt8(D d, const TensorView& tensor, int64_t begin, int64_t count, float* out) {
  if (tensor.row_scales == nullptr) {
    return ReadInt8Row<kAdd>(d, tensor, begin, count, 1.0f, out);
  }
  const int64_t cols = tensor.shape[1];
  for (int64_t done = 0; done < count;) {
    const int64_t row = (begin + done) / cols;
    const int64_t n = std::min(count - done, (row + 1) * cols - (begin + done));
    ReadInt8Row<kAdd>(d, tensor, begin + done, n, tensor.ScaleOfRow(row), out + done);
    done += n;
  }
}

// out[i] = (kAdd ? out[i] : 0) + tensor[begin + i] for i in [0, count).
template <bool kAdd, class D>
HWY_INLINE void ReadRange(D d, const TensorView& tensor, int64_t begin, int64_t count, float* out) {
  switch (tensor.dtype) {
    case DType::kF32:
      return ReadRange<DType::kF32, kAdd>(d, tensor, begin, count, out);
    case DType::kF16:
      return ReadRange<DType::kF16, kAdd>(d, tensor, begin, count, out);
    case DType::kBF16:
      return ReadRange<DType::kBF16, kAdd>(d, tensor, begin, count, out);
    case DType::kI8:
      return ReadInt8<kAdd>(d, tensor, begin, count, out);
  }
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // BGE_KERNELS_CPU_LOAD_TABLE_INL_H_
