// Layer normalisation of one row, shared by the two reference ops that end in it.
#ifndef BGE_KERNELS_REF_LAYER_NORM_H_
#define BGE_KERNELS_REF_LAYER_NORM_H_

#include <span>

namespace bge::ref {

/// out[h] = (row[h] - mean) / sqrt(variance + epsilon) * gamma[h] + beta[h], with the variance of
/// the population (Ba et al. 2016, equations 3 and 4; torch.nn.LayerNorm). Everything in double.
void LayerNormRow(std::span<const double> row, std::span<const float> gamma,
                  std::span<const float> beta, float epsilon, float* out);

}  // namespace bge::ref

#endif  // BGE_KERNELS_REF_LAYER_NORM_H_
