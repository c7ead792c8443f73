// Attention whose products multiply bfloat16 (AVX512-BF16); softmax and all sums are float32.
#include "kernels/cpu/attention.h"
#include "kernels/cpu/targets.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention_bf16.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/attention_heads-inl.h"
// clang-format on

#if HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace bge::cpu::HWY_NAMESPACE {

struct Bf16Numbers {
  static constexpr int64_t kGroup = 2;
  static constexpr int64_t kMixKeys = kKeyBlock;
  using D = hn::Full512<float>;
  using Words = hn::Vec<hn::RebindToSigned<D>>;
  static HWY_INLINE Words Load(const float* p) {
    return hn::BitCast(hn::RebindToSigned<D>(), hn::Load(D(), p));
  }
  static HWY_INLINE Words Broadcast(const float* p) {
    int32_t word;
    std::memcpy(&word, p, sizeof word);
    return hn::Set(hn::RebindToSigned<D>(), word);
  }
  static HWY_INLINE hn::Vec<D> MultiplyAdd(hn::Vec<D> sum, Words x, Words w) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
    return sum;
  }
  // 2^x = 2^floor(x) * p(x - floor(x)), to 7.5e-5 relatively, where bfloat16 rounds by up to 2e-3.
  static HWY_INLINE hn::Vec<D> Exp2(hn::Vec<D> x) {
    const D d;
    hn::Vec<D> fraction;
    asm("vreduceps $1, %1, %0" : "=v"(fraction.raw) : "v"(x.raw));  // 1: from the floor
    auto p = hn::Set(d, 7.80245215e-2f);
    p = hn::MulAdd(p, fraction, hn::Set(d, 2.26067171e-1f));
    p = hn::MulAdd(p, fraction, hn::Set(d, 6.95833504e-1f));
    p = hn::MulAdd(p, fraction, hn::Set(d, 9.99925196e-1f));
    asm("vscalefps %1, %0, %0" : "+v"(p.raw) : "v"(x.raw));  // scales by the floor
    return p;
  }
  // As many of the numbers as there are, up to `count`.
  static HWY_INLINE void StoreRounded(hn::Vec<D> v, uint16_t* to, size_t count) {
    const hn::Rebind<uint16_t, D> d16;
    const auto bits = Bf16Instruction::Round(D(), v);
    if (count >= hn::Lanes(D())) return hn::StoreU(bits, d16, to);
    HWY_ALIGN uint16_t lanes[hn::MaxLanes(D())];
    hn::Store(bits, d16, lanes);
    std::memcpy(to, lanes, count * sizeof(uint16_t));
  }
};

template <>
struct Packing<Bf16Numbers> {
  using D = Bf16Numbers::D;
  static constexpr int64_t kLanes = 16;

  // Words take the first half of a row's memory: what is overwritten has been read.
  static HWY_INLINE void Row(float* row, int64_t count) { Narrow(row, count, row); }
  static HWY_INLINE void Store(hn::Vec<D> v, float* row, int64_t i) {
    hn::StoreU(Rounded(v), hn::Rebind<uint16_t, D>(), reinterpret_cast<uint16_t*>(row) + i);
  }

  // to[0, count) = from, or zeros where that is null.
  static HWY_INLINE void Round(const float* from, int64_t count, uint16_t* to) {
    for (int64_t i = 0; i < count; i += kLanes) {
      Bf16Numbers::StoreRounded(from == nullptr ? hn::Zero(D()) : LoadColumns(from + i, count - i),
                                to + i, static_cast<size_t>(count - i));
    }
  }

  static HWY_INLINE void Keys(const float* from, int64_t stride, int64_t count, int64_t head_dim,
                              int64_t width, float* to) {
    constexpr int64_t kMaxDepth = 128;  // of a piece that is transposed at once
    HWY_ALIGN float words[2 * kLanes * kMaxDepth];
    const int64_t depth = WordsOf<Bf16Numbers>(head_dim);
    for (int64_t begin = 0; begin < depth; begin += kMaxDepth) {
      const int64_t n = std::min(kMaxDepth, depth - begin);
      for (int64_t j = 0; j < count; ++j) {
        Narrow(from + j * stride + 2 * begin, std::min(2 * n, head_dim - 2 * begin), words + j * n);
      }
      TransposeKeys(words, n, count, n, width, to + begin * width);
    }
  }

  static HWY_INLINE void Values(const float* from, int64_t stride, int64_t count, int64_t columns,
                                int64_t width, float* to) {
    const D d;
    const hn::RebindToUnsigned<D> du;
    for (int64_t j = 0; j < count; j += 2) {
      for (int64_t c = 0; c < width; c += kLanes) {
        const auto first = LoadColumns(from + j * stride + c, columns - c);
        const auto second =
            j + 1 < count ? LoadColumns(from + (j + 1) * stride + c, columns - c) : hn::Zero(d);
        const auto low = hn::PromoteTo(du, Rounded(first));
        const auto high = hn::ShiftLeft<16>(hn::PromoteTo(du, Rounded(second)));
        hn::Store(hn::BitCast(d, hn::Or(low, high)), d, to + j / 2 * width + c);
      }
    }
  }

 private:
  static HWY_INLINE hn::Vec<hn::Rebind<uint16_t, D>> Rounded(hn::Vec<D> v) {
    return Bf16Instruction::Round(D(), v);
  }

  static HWY_INLINE hn::Vec<D> LoadColumns(const float* from, int64_t left) {
    if (left >= kLanes) return hn::LoadU(D(), from);
    return left <= 0 ? hn::Zero(D()) : LoadFirst(D(), from, static_cast<size_t>(left));
  }

  // Words of from[0, count), the last filled up with zero; `to` may be `from`.
  static HWY_INLINE void Narrow(const float* from, int64_t count, float* to) {
    auto* bits = reinterpret_cast<uint16_t*>(to);
    Round(from, count, bits);
    if (count % 2 != 0) bits[count] = 0;
  }
};

void AttendHeadsBf16(const HeadInputs& in, int64_t begin, int64_t end, FloatScratch& scratch) {
  AttendHeads<Bf16Numbers>(in, begin, end, scratch);
}

}  // namespace bge::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3

#if HWY_ONCE
namespace bge::cpu {

AttendHeadsFunction Bf16Attention() {
#if HWY_TARGETS & HWY_AVX3
  if (CanUse(Extension::kAvx512Bf16)) return &N_AVX3::AttendHeadsBf16;
#endif
  return nullptr;
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
