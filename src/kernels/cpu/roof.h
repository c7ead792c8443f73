// What one thread of this machine can do at best: the roofs that benchmarks compare with.
#ifndef BGE_KERNELS_CPU_ROOF_H_
#define BGE_KERNELS_CPU_ROOF_H_

namespace bge::cpu {

/// Float32 multiply-adds of the best target on registers alone, two operations each, in GFLOP/s of
/// CPU time. Takes 0.1 s at the first call.
double FmaPeakGflops();

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_ROOF_H_
