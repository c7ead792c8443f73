// Products of rows, on the calling thread: what DotProducts and small linear layers share.
#ifndef BGE_KERNELS_CPU_DOT_PRODUCTS_H_
#define BGE_KERNELS_CPU_DOT_PRODUCTS_H_

#include "tensor/tensor_view.h"

namespace bge::cpu {

/// y[M, N] = x[M, K] * W^T with w: [N, K]. Each value is the same bit by bit for any M and N.
void MultiplyRows(ConstMatrix x, ConstMatrix w, Matrix y);

}  // namespace bge::cpu

#endif  // BGE_KERNELS_CPU_DOT_PRODUCTS_H_
