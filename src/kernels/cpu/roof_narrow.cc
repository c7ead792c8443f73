// bfloat16: vdpbf16ps, two multiply-adds for each float32 lane. int8: vpdpbusd, four for each int32
// lane, in 512-bit (AVX512-VNNI) or 256-bit registers (AVX-VNNI); without them AVX2's vpmaddubsw,
// vpmaddwd and vpaddd, three instructions for the same four. AMX: tdpbf16ps and tdpbusd, 16 x 16
// sums of 16 groups of two or four.
//
// Intrinsics, but for AMX: Highway 1.0.3 has none of these instructions. Each function is compiled
// for its instruction set and called only after the CPU was asked for it.
#include "kernels/cpu/roof_narrow.h"

#if defined(__x86_64__)

#include "kernels/cpu/targets.h"
#include "kernels/cpu/unroll.h"

#include <immintrin.h>

#include <atomic>
#include <cstdint>

namespace bge::cpu {

namespace {

// More than latency (at most 6) times units (2), and no more than there are registers. In the AVX2
// loop only the addition waits for the one before.
constexpr int kChains512 = 14;
constexpr int kChains256 = 12;
constexpr int kChainsMaddubs = 6;

// Where the loops leave their results, so that a compiler cannot drop them.
std::atomic<float> sink = 0.0f;

__attribute__((target("avx512f,avx512bf16"))) int64_t RunBf16Dot(int64_t rounds) {
  const float start = sink;
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  const __m512bh b = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1e-3f), _mm512_set1_ps(-1e-3f));
  __m512 sums[kChains512];
  BGE_UNROLL
  for (int i = 0; i < kChains512; ++i) sums[i] = _mm512_set1_ps(start + static_cast<float>(i));
  for (int64_t r = 0; r < rounds; ++r) {
    BGE_UNROLL
    for (int i = 0; i < kChains512; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], a, b);
  }
  BGE_UNROLL
  for (int i = 1; i < kChains512; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  sink = _mm512_cvtss_f32(sums[0]) * 1e-3f;
  return rounds * kChains512 * 16 * 4;
}

__attribute__((target("avx512f,avx512vnni"))) int64_t RunVnni512(int64_t rounds) {
  const __m512i a = _mm512_set1_epi8(1);
  const __m512i b = _mm512_set1_epi8(static_cast<char>(sink > 0 ? 2 : 1));
  __m512i sums[kChains512];
  BGE_UNROLL
  for (int i = 0; i < kChains512; ++i) sums[i] = _mm512_set1_epi32(i);
  for (int64_t r = 0; r < rounds; ++r) {
    BGE_UNROLL
    for (int i = 0; i < kChains512; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
  }
  BGE_UNROLL
  for (int i = 1; i < kChains512; ++i) sums[0] = _mm512_xor_si512(sums[0], sums[i]);
  sink = static_cast<float>(_mm512_cvtsi512_si32(sums[0]) & 1);
  return rounds * kChains512 * 64 * 2;
}

__attribute__((target("avx2,avxvnni"))) int64_t RunVnni256(int64_t rounds) {
  const __m256i a = _mm256_set1_epi8(1);
  const __m256i b = _mm256_set1_epi8(static_cast<char>(sink > 0 ? 2 : 1));
  __m256i sums[kChains256];
  BGE_UNROLL
  for (int i = 0; i < kChains256; ++i) sums[i] = _mm256_set1_epi32(i);
  for (int64_t r = 0; r < rounds; ++r) {
    BGE_UNROLL
    for (int i = 0; i < kChains256; ++i) sums[i] = _mm256_dpbusd_avx_epi32(sums[i], a, b);
  }
  BGE_UNROLL
  for (int i = 1; i < kChains256; ++i) sums[0] = _mm256_xor_si256(sums[0], sums[i]);
  sink = static_cast<float>(_mm256_cvtsi256_si32(sums[0]) & 1);
  return rounds * kChains256 * 32 * 2;
}

__attribute__((target("avx2"))) int64_t RunMaddubs(int64_t rounds) {
  __m256i a = _mm256_set1_epi8(1);
  const __m256i b = _mm256_set1_epi8(static_cast<char>(sink > 0 ? 2 : 1));
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[kChainsMaddubs];
  BGE_UNROLL
  for (int i = 0; i < kChainsMaddubs; ++i) sums[i] = _mm256_set1_epi32(i);
  for (int64_t r = 0; r < rounds; ++r) {
    BGE_UNROLL
    for (int i = 0; i < kChainsMaddubs; ++i) {
      asm volatile("" : "+x"(a));  // as if it changed: else a compiler multiplies only once
      const __m256i pairs = _mm256_maddubs_epi16(a, b);
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, ones));
    }
  }
  BGE_UNROLL
  for (int i = 1; i < kChainsMaddubs; ++i) sums[0] = _mm256_xor_si256(sums[0], sums[i]);
  sink = static_cast<float>(_mm256_cvtsi256_si32(sums[0]) & 1);
  return rounds * kChainsMaddubs * 32 * 2;
}

// Four tiles of sums, as many as the latency (52) needs at 16 cycles each. All numbers are zero.
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t reserved[15] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16};
};

template <int kMultiplyAddsOfGroup, typename Multiply>
int64_t RunTiles(int64_t rounds, const Multiply& multiply) {
  const TileShapes shapes;
  asm volatile("ldtilecfg %0" ::"m"(shapes) : "memory");
  for (int64_t r = 0; r < rounds; ++r) multiply();
  asm volatile("tilerelease" ::: "memory");
  return rounds * 4 * 16 * 16 * 16 * kMultiplyAddsOfGroup * 2;
}

int64_t RunAmxBf16(int64_t rounds) {
  return RunTiles<2>(rounds, [] {
    asm volatile(
        "tdpbf16ps %tmm5, %tmm4, %tmm0\n\t"
        "tdpbf16ps %tmm5, %tmm4, %tmm1\n\t"
        "tdpbf16ps %tmm5, %tmm4, %tmm2\n\t"
        "tdpbf16ps %tmm5, %tmm4, %tmm3");
  });
}

int64_t RunAmxInt8(int64_t rounds) {
  return RunTiles<4>(rounds, [] {
    asm volatile(
        "tdpbusd %tmm5, %tmm4, %tmm0\n\t"
        "tdpbusd %tmm5, %tmm4, %tmm1\n\t"
        "tdpbusd %tmm5, %tmm4, %tmm2\n\t"
        "tdpbusd %tmm5, %tmm4, %tmm3");
  });
}

}  // namespace

std::vector<PeakLoop> NarrowPeakLoops() {
  std::vector<PeakLoop> loops;
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0;
  if (CpuHas(Extension::kAmx)) {
    return {{"bfloat16", "tdpbf16ps", RunAmxBf16}, {"int8", "tdpbusd", RunAmxInt8}};
  }
  if (avx512 && __builtin_cpu_supports("avx512bf16")) {
    loops.push_back({"bfloat16", "vdpbf16ps", RunBf16Dot});
  }
  if (avx512 && __builtin_cpu_supports("avx512vnni")) {
    loops.push_back({"int8", "vpdpbusd zmm", RunVnni512});
  } else if (__builtin_cpu_supports("avx2") && CpuHas(Extension::kAvxVnni)) {
    loops.push_back({"int8", "vpdpbusd ymm", RunVnni256});
  } else if (__builtin_cpu_supports("avx2")) {
    loops.push_back({"int8", "vpmaddubsw", RunMaddubs});
  }
  return loops;
}

}  // namespace bge::cpu

#else

namespace bge::cpu {

std::vector<PeakLoop> NarrowPeakLoops() { return {}; }

}  // namespace bge::cpu

#endif
