// Attention whose products multiply bfloat16 (AVX512-BF16, and AVX512-VBMI for exp); all sums are
// float32.
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

// 128 f - 128 (2^f - 1) for f = i / 128, rounded: 2^f by its series, which is 1e-17 off after 20
// terms.
struct Excess {
  constexpr Excess() : of{} {
    for (int i = 0; i < 128; ++i) {
      double power = 1;
      double term = 1;
      for (int n = 1; n <= 20; ++n) {
        term *= i / 128.0 * 0.69314718055994531 / n;
        power += term;
      }
      of[i] = static_cast<uint8_t>(i - 128 * (power - 1) + 0.5);
    }
  }
  alignas(64) uint8_t of[128];
};
constexpr Excess kExcess;

struct Bf16Numbers {
  static constexpr int64_t kGroup = 2;
  static constexpr int64_t kMixKeys = kKeyBlock;
  using D = hn::Full512<float>;
  using DI = hn::RebindToSigned<D>;
  using Words = hn::Vec<DI>;
  static HWY_INLINE Words Load(const float* p) { return hn::BitCast(DI(), hn::Load(D(), p)); }
  static HWY_INLINE Words Broadcast(const float* p) {
    int32_t word;
    std::memcpy(&word, p, sizeof word);
    return hn::Set(DI(), word);
  }
  static HWY_INLINE hn::Vec<D> MultiplyAdd(hn::Vec<D> sum, Words x, Words w) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
    return sum;
  }
  // A bfloat16 is 2^(x / 128 - 127) for the integer x of its bits, if x is a multiple of 128, and
  // between these 2^f is 1 + f less a little: all that exp takes is that little, by a table.
  static constexpr float kScoreUnit = 128.0f;
  static constexpr float kOne = 127.0f * 128.0f;
  template <bool kMasked, int kVectors>
  static HWY_INLINE hn::Vec<D> Weigh(hn::Vec<D> total, const RowOfTile<D, kVectors>& x,
                                     int64_t count, float* to) {
    const hn::Repartition<uint8_t, D> d8;
    const hn::Repartition<uint16_t, D> d16;
    const auto first = Integers(x[0]);
    const auto second = kVectors == 2 ? Integers(x[kVectors - 1]) : hn::Zero(DI());
    // Without sign: below 0 is 0. It takes turns in blocks of 16 bytes.
    const auto turned = _mm512_packus_epi32(first.raw, second.raw);
    constexpr int32_t kInOrder[] = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};
    const auto bits = _mm512_permutexvar_epi32(hn::LoadU(DI(), kInOrder).raw, turned);
    // Bytes 0 and 2 of a word hold f in their lower 7 bits, which are what picks of the table.
    auto excess = bits;
    constexpr uint64_t kLowBytes = 0x5555555555555555;
    asm("vpermi2b %2, %1, %0 %{%3%}%{z%}"
        : "+v"(excess)
        : "v"(hn::Load(d8, kExcess.of).raw), "v"(hn::Load(d8, kExcess.of + 64).raw),
          "Yk"(kLowBytes));
    auto words = hn::Sub(hn::Vec<decltype(d16)>{bits}, hn::Vec<decltype(d16)>{excess});
    if (count < 16 * kVectors) {
      words = hn::IfThenElseZero(hn::FirstN(d16, static_cast<size_t>(count)), words);
    }
    const auto weights = hn::BitCast(DI(), words);
    if constexpr (kVectors == 2) {
      hn::Store(hn::BitCast(D(), weights), D(), to);
    } else {
      const hn::Half<D> half;
      hn::Store(hn::LowerHalf(half, hn::BitCast(D(), weights)), half, to);
    }
    return MultiplyAdd(total, weights, hn::Set(DI(), 0x3f803f80));  // twice 1
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

 private:
  // The nearest ones; of NaN, and of what is above them, 32,767, which as bfloat16 is NaN.
  static HWY_INLINE Words Integers(hn::Vec<D> x) {
    return Words{_mm512_cvtps_epi32(hn::Min(x, hn::Set(D(), 32767.0f)).raw)};
  }
};

template <>
struct Packing<Bf16Numbers> {
  using D = Bf16Numbers::D;
  static constexpr int64_t kLanes = 16;

  // Words take the first half of a row's memory: what is overwritten has been read.
  static HWY_INLINE void Row(float* row, int64_t count) { Narrow(row, count, row); }

  // to[0, count) = from, or zeros where that is null.
  static HWY_INLINE void Round(const float* from, int64_t count, uint16_t* to) {
    for (int64_t i = 0; i < count; i += kLanes) {
      Bf16Numbers::StoreRounded(from == nullptr ? hn::Zero(D()) : LoadColumns(from + i, count - i),
                                to + i, static_cast<size_t>(count - i));
    }
  }

  // Words of from[0, count), the last filled up with zero; `to` may be `from`.
  static HWY_INLINE void Narrow(const float* from, int64_t count, float* to) {
    Round(from, count, reinterpret_cast<uint16_t*>(to));
    FillLastWord(count, to);
  }
  static HWY_INLINE void Narrow(const uint16_t* from, int64_t count, float* to) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(uint16_t));
    FillLastWord(count, to);
  }

  // T: float, or uint16_t for the bits of bfloat16.
  template <typename T>
  static HWY_INLINE void Keys(const T* from, int64_t stride, int64_t count, int64_t head_dim,
                              int64_t width, float* to) {
    if (sizeof(T) == 2 && head_dim % 2 == 0 && stride % 2 == 0) {  // they are words already
      return TransposeKeys(reinterpret_cast<const float*>(from), stride / 2, count, head_dim / 2,
                           width, to);
    }
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

  template <typename T>
  static HWY_INLINE void Values(const T* from, int64_t stride, int64_t count, int64_t columns,
                                int64_t width, float* to) {
    const D d;
    const hn::RebindToUnsigned<D> du;
    for (int64_t j = 0; j < count; j += 2) {
      for (int64_t c = 0; c < width; c += kLanes) {
        const Bits first = LoadBits(from + j * stride + c, columns - c);
        const Bits second = j + 1 < count ? LoadBits(from + (j + 1) * stride + c, columns - c)
                                          : hn::Zero(hn::Rebind<uint16_t, D>());
        const auto low = hn::PromoteTo(du, first);
        const auto high = hn::ShiftLeft<16>(hn::PromoteTo(du, second));
        hn::Store(hn::BitCast(d, hn::Or(low, high)), d, to + j / 2 * width + c);
      }
    }
  }

 private:
  using Bits = hn::Vec<hn::Rebind<uint16_t, D>>;

  // A vector of bfloat16, or what is left of it and zeros.
  static HWY_INLINE Bits LoadBits(const float* from, int64_t left) {
    return Bf16Instruction::Round(D(), LoadColumns(from, left));
  }
  static HWY_INLINE Bits LoadBits(const uint16_t* from, int64_t left) {
    const hn::Rebind<uint16_t, D> d16;
    if (left >= kLanes) return hn::LoadU(d16, from);
    HWY_ALIGN uint16_t lanes[kLanes] = {};
    if (left > 0) std::memcpy(lanes, from, static_cast<size_t>(left) * sizeof(uint16_t));
    return hn::Load(d16, lanes);
  }

  static HWY_INLINE hn::Vec<D> LoadColumns(const float* from, int64_t left) {
    if (left >= kLanes) return hn::LoadU(D(), from);
    return left <= 0 ? hn::Zero(D()) : LoadFirst(D(), from, static_cast<size_t>(left));
  }

  static HWY_INLINE void FillLastWord(int64_t count, float* to) {
    if (count % 2 == 0) return;
    std::memset(reinterpret_cast<std::byte*>(to) + count * sizeof(uint16_t), 0, sizeof(uint16_t));
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
  if (CanUse(Extension::kAvx512Bf16) && CpuHas(Extension::kAvx512Vbmi)) {
    return &N_AVX3::AttendHeadsBf16;
  }
#endif
  return nullptr;
}

}  // namespace bge::cpu
#endif  // HWY_ONCE
