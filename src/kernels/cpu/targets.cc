#include "kernels/cpu/targets.h"

#include "hwy/highway.h"
#include "hwy/targets.h"

#include <array>
#include <cstdint>
#include <initializer_list>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace bge::cpu {

namespace {

// Bits of Extension.
using Extensions = uint32_t;
constexpr Extensions Bit(Extension extension) { return 1u << static_cast<unsigned>(extension); }
constexpr Extensions BitsOf(std::initializer_list<Extension> extensions) {
  Extensions bits = 0;
  for (const Extension extension : extensions) bits |= Bit(extension);
  return bits;
}

struct Target {
  const char* name;
  int64_t highway;  // Highway's target
  Extensions extensions;
};

// Best first.
constexpr std::array kTargets = {
#if defined(__x86_64__)
    Target{"avx512_amx", HWY_AVX3,
           BitsOf({Extension::kAvx512Vnni, Extension::kAvx512Bf16, Extension::kAmx})},
    Target{"avx512_bf16", HWY_AVX3, BitsOf({Extension::kAvx512Vnni, Extension::kAvx512Bf16})},
    Target{"avx512_vnni", HWY_AVX3, BitsOf({Extension::kAvx512Vnni})},
    Target{"avx512", HWY_AVX3, 0},
    Target{"avx2_vnni", HWY_AVX2, BitsOf({Extension::kAvxVnni})},
    Target{"avx2", HWY_AVX2, 0},
    Target{"sse4", HWY_SSE4, 0},
    Target{"ssse3", HWY_SSSE3, 0},
#else
    Target{"baseline", HWY_STATIC_TARGET, 0},
#endif
};

// Never the best.
constexpr Target kEmulatedAmxTarget = {
    "avx512_amx_emulated", HWY_AVX3,
    BitsOf({Extension::kAvx512Vnni, Extension::kAvx512Bf16, Extension::kEmulatedAmx})};

#if defined(__x86_64__)
// Linux saves a process' tiles once it has asked for them (Documentation/arch/x86/xstate.rst).
bool AskForTiles() {
#if defined(__linux__)
  constexpr unsigned kXgetbv = 1u << 27;  // allowed by the operating system
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kXgetbv) == 0) return false;
  constexpr uint64_t kTileBits = 3u << 17;  // configuration and data
  constexpr int kTileData = 18;
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileBits) == kTileBits &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

// What the CPU has. Highway has checked that the operating system saves the registers.
Extensions CpuExtensions() {
  Extensions found = Bit(Extension::kEmulatedAmx);
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
    if ((c & (1u << 1)) != 0) found |= Bit(Extension::kAvx512Vbmi);
    if ((c & (1u << 11)) != 0) found |= Bit(Extension::kAvx512Vnni);
    constexpr unsigned kAmx = 1u << 22 | 1u << 24 | 1u << 25;  // bf16, tile, int8
    if ((d & kAmx) == kAmx && AskForTiles()) found |= Bit(Extension::kAmx);
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) {
      if ((a & (1u << 4)) != 0) found |= Bit(Extension::kAvxVnni);
      if ((a & (1u << 5)) != 0) found |= Bit(Extension::kAvx512Bf16);
    }
  }
#endif
  return found;
}

// The first of kTargets that runs here.
const Target* BestTarget();

const Target*& Chosen() {
  static const Target* chosen = BestTarget();
  return chosen;
}

Extensions FoundExtensions() {
  static const Extensions found = CpuExtensions();
  return found;
}

bool Supported(const Target& target) {
  static const int64_t highway = hwy::SupportedTargets() & HWY_TARGETS;
  return (highway & target.highway) != 0 &&
         (FoundExtensions() & target.extensions) == target.extensions;
}

const Target* BestTarget() {
  for (const Target& target : kTargets) {
    if (Supported(target)) return &target;
  }
  return &kTargets.back();
}

// By its name, or the best one; null where it does not exist or does not run here.
const Target* Find(const std::string& name) {
  if (name.empty()) return BestTarget();
  for (const Target& target : kTargets) {
    if (name == target.name) return Supported(target) ? &target : nullptr;
  }
  const bool emulated = name == kEmulatedAmxTarget.name && Supported(kEmulatedAmxTarget);
  return emulated ? &kEmulatedAmxTarget : nullptr;
}

}  // namespace

std::vector<std::string> SupportedTargets() {
  std::vector<std::string> names;
  for (const Target& target : kTargets) {
    if (Supported(target)) names.emplace_back(target.name);
  }
  if (Supported(kEmulatedAmxTarget)) names.emplace_back(kEmulatedAmxTarget.name);
  return names;
}

std::string CurrentTarget() { return Chosen()->name; }

bool ForceTarget(const std::string& name) {
  const Target* target = Find(name);
  if (target == nullptr) return false;
  hwy::SetSupportedTargetsForTest(target->highway);
  hwy::GetChosenTarget().Update(target->highway);
  Chosen() = target;
  return true;
}

int64_t HighwayTarget() { return Chosen()->highway; }

bool CpuHas(Extension extension) { return (FoundExtensions() & Bit(extension)) != 0; }

bool CanUse(Extension extension) { return (Chosen()->extensions & Bit(extension)) != 0; }

}  // namespace bge::cpu
