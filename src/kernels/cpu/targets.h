// Which instructions the kernels use.
#ifndef BGE_KERNELS_CPU_TARGETS_H_
#define BGE_KERNELS_CPU_TARGETS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace bge::cpu {

/// Extensions that single kernels want beside Highway's targets.
enum class Extension {
  kAvxVnni,      ///< vpdpbusd on 256 bits
  kAvx512Vnni,   ///< vpdpbusd on 512 bits
  kAvx512Bf16,   ///< vdpbf16ps
  kAvx512Vbmi,   ///< vpermi2b: of no target, but on all that have kAvx512Bf16 except Cooper Lake
  kAmx,          ///< tdpbf16ps, tdpbusd
  kEmulatedAmx,  ///< the same in plain code, for tests: no CPU lacks it
};

/// Names of the instruction sets compiled in that this CPU can run, best first; each has what those
/// after it have: "avx512_amx", "avx512_bf16", "avx512_vnni", "avx512", "avx2_vnni", "avx2",
/// "sse4", "ssse3". At last, for tests, "avx512_amx_emulated": the kernels of "avx512_amx" on
/// "avx512_bf16".
std::vector<std::string> SupportedTargets();

/// The one in use.
std::string CurrentTarget();

/// Makes all kernels use this target, or again the best one where `name` is empty. False where it
/// is not supported. For tests and the start of a program: not thread-safe, no op may be running.
/// Weights that were prepared before keep their kernels.
bool ForceTarget(const std::string& name);

/// Highway's target that goes with it.
int64_t HighwayTarget();

/// Whether the CPU has the extension, and the operating system lets us use it.
bool CpuHas(Extension extension);

/// Whether, besides, the target in use includes it.
bool CanUse(Extension extension);

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_TARGETS_H_
