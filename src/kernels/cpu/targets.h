// Which instruction set the Highway kernels use.
#ifndef BGE_KERNELS_CPU_TARGETS_H_
#define BGE_KERNELS_CPU_TARGETS_H_

#include <string>
#include <vector>

namespace bge::cpu {

/// Names of the targets compiled in that this CPU can run, best first: "AVX2", "SSE4", ...
std::vector<std::string> SupportedTargets();

/// Makes all kernels use this target, or again the best one where `name` is empty. False where it
/// is not supported. For tests: not thread-safe, no op may be running.
bool ForceTarget(const std::string& name);

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_TARGETS_H_
