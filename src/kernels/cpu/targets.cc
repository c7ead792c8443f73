#include "kernels/cpu/targets.h"

#include "hwy/highway.h"
#include "hwy/targets.h"

#include <array>
#include <cstdint>
#include <initializer_list>

#if defined(__x86_64__)
#include <cpuid.h>
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

// What the CPU has. Highway has checked that the operating system saves the registers.
Extensions CpuExtensions() {
  Extensions found = 0;
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
    if ((c & (1u << 11)) != 0) found |= Bit(Extension::kAvx512Vnni);
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

bool Supported(const Target& target) {
  static const int64_t highway = hwy::SupportedTargets() & HWY_TARGETS;
  static const Extensions extensions = CpuExtensions();
  return (highway & target.highway) != 0 && (extensions & target.extensions) == target.extensions;
}

const Target* BestTarget() {
  for (const Target& target : kTargets) {
    if (Supported(target)) return &target;
  }
  return &kTargets.back();
}

}  // namespace

std::vector<std::string> SupportedTargets() {
  std::vector<std::string> names;
  for (const Target& target : kTargets) {
    if (Supported(target)) names.emplace_back(target.name);
  }
  return names;
}

std::string CurrentTarget() { return Chosen()->name; }

bool ForceTarget(const std::string& name) {
  for (const Target& target : kTargets) {
    if (name.empty() ? &target != BestTarget() : name != target.name) continue;
    if (!Supported(target)) return false;
    hwy::SetSupportedTargetsForTest(target.highway);
    hwy::GetChosenTarget().Update(target.highway);
    Chosen() = &target;
    return true;
  }
  return false;
}

int64_t HighwayTarget() { return Chosen()->highway; }

bool CanUse(Extension extension) { return (Chosen()->extensions & Bit(extension)) != 0; }

}  // namespace bge::cpu
