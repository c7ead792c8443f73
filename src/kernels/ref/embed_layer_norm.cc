// out[t] = LayerNorm(word + token type + position): the first layer of BERT.
#include "kernels/element.h"
#include "kernels/ref/layer_norm.h"
#include "kernels/ref/ops.h"

#include <vector>

namespace bge::ref {

void EmbedLayerNorm(const EmbeddingInputs& inputs, const EmbeddingTables& tables,
                    std::span<const float> gamma, std::span<const float> beta, float epsilon,
                    Matrix out) {
  const int64_t hidden_size = out.cols;
  std::vector<double> sum(static_cast<size_t>(hidden_size));
  for (int64_t t = 0; t < out.rows; ++t) {
    const auto i = static_cast<size_t>(t);
    for (int64_t h = 0; h < hidden_size; ++h) {
      double v =
          static_cast<double>(ReadElement(tables.word, inputs.input_ids[i] * hidden_size + h));
      if (tables.token_type.data != nullptr) {
        const int64_t type = inputs.token_type_ids.empty() ? 0 : inputs.token_type_ids[i];
        v += static_cast<double>(ReadElement(tables.token_type, type * hidden_size + h));
      }
      if (tables.position.data != nullptr) {
        v += static_cast<double>(
            ReadElement(tables.position, inputs.position_ids[i] * hidden_size + h));
      }
      sum[static_cast<size_t>(h)] = v;
    }
    LayerNormRow(sum, gamma, beta, epsilon, out.row(t));
  }
}

}  // namespace bge::ref
