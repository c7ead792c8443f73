// Which numbers of the hidden states are outliers: known from the weights.
#ifndef BGE_ENCODER_OUTLIER_COLUMNS_H_
#define BGE_ENCODER_OUTLIER_COLUMNS_H_

#include <cstdint>
#include <span>
#include <vector>

namespace bge {

/// The kMaxOutliers channels (or all, if there are fewer) whose LayerNorm gains are largest, by the
/// sum of their squares over the norms; `gains` has all norms' one after the other, each [H]. The
/// outliers of a BERT's first token are in one to three channels from the first layer to the last,
/// and the norms' parameters show them (Kovaleva et al. 2021). On all-MiniLM-L6-v2 and a reranker
/// trained from it, the four hold all of what is beyond kOutlierShare there, on
/// multilingual-e5-small 99.7 %.
std::vector<int32_t> OutlierColumns(std::span<const float> gains, int64_t hidden_size);

}  // namespace bge

#endif  // BGE_ENCODER_OUTLIER_COLUMNS_H_
