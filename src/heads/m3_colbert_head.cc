#include "heads/m3_colbert_head.h"

#include <algorithm>

namespace bge {

void M3ColbertHead::Run(const OpContext& caller, const TokenBatch& batch, ConstMatrix hidden,
                        int64_t dimension, bool normalize, std::span<MultiVector> vectors) const {
  const OpContext context = caller.At(Stage::kPool);
  const Matrix all = context.workspace.NewMatrix(hidden.rows, linear_.outputs());
  linear_.Run(context, hidden, Activation::kIdentity, all);
  const Matrix cut(all.data, all.rows, dimension, all.stride);
  if (normalize) backend_.L2Normalize(context, cut);
  for (size_t n = 0; n < vectors.size(); ++n) {
    MultiVector& vector = vectors[n];
    vector.dimension = dimension;
    vector.values.clear();
    const int64_t first = batch.cu_seqlens[n] + 1;  // the first token has none
    const int64_t end = batch.cu_seqlens[n + 1];
    vector.values.reserve(static_cast<size_t>(std::max<int64_t>(0, end - first) * dimension));
    for (int64_t t = first; t < end; ++t) {
      vector.values.insert(vector.values.end(), cut.row(t), cut.row(t) + dimension);
    }
  }
}

}  // namespace bge
