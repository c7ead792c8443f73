// What one thread of this machine can do at best: the roofs that benchmarks compare with.
#ifndef BGE_KERNELS_CPU_ROOF_H_
#define BGE_KERNELS_CPU_ROOF_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bge::cpu {

/// A loop that does nothing but multiply and add, on registers.
struct PeakLoop {
  std::string_view dtype;        ///< "float32", "bfloat16", "int8"
  std::string_view instruction;  ///< the instruction that multiplies
  /// Does `rounds` rounds (one takes a few ns) and returns the operations done: a multiply-add is
  /// two.
  int64_t (*run)(int64_t rounds);
};

/// One for each data type that this CPU multiplies, with its fastest instruction; float32 first.
std::vector<PeakLoop> PeakLoops();

/// The rate of the float32 loop, in GFLOP/s of CPU time. Takes 0.1 s at the first call.
double FmaPeakGflops();

/// Reads all values once, as fast as vectors can, and returns their sum.
float ReadSum(std::span<const float> values);

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_ROOF_H_
