// BGE_UNROLL before a loop of constant length: unrolled whole, so that an array of vectors indexed
// by it lives in registers.
#ifndef BGE_KERNELS_CPU_UNROLL_H_
#define BGE_KERNELS_CPU_UNROLL_H_

#if defined(__clang__)
#define BGE_UNROLL _Pragma("unroll")
#else
#define BGE_UNROLL _Pragma("GCC unroll 16")
#endif

#endif  // BGE_KERNELS_CPU_UNROLL_H_
