// BGE-M3's sparse vectors: a weight for each token id of a text (Chen et al. 2024, section 3.2).
//
// FlagEmbedding/inference/embedder/encoder_only/m3.py, _process_token_weights: relu(w . h + b) for
// each token, of equal ids the largest; ids of the special tokens and weights of zero are left out.
#ifndef BGE_HEADS_M3_SPARSE_HEAD_H_
#define BGE_HEADS_M3_SPARSE_HEAD_H_

#include "heads/sparse_head.h"
#include "heads/token_linear.h"

#include <filesystem>
#include <vector>

namespace bge {

class M3SparseHead : public SparseHead {
 public:
  static constexpr const char* kFile = "sparse_linear";

  /// `file`: weight [1, hidden_size], bias [1]. `unused_ids`: left out of every vector.
  M3SparseHead(const std::filesystem::path& file, int64_t hidden_size,
               std::vector<int32_t> unused_ids, const Backend& backend,
               WeightRounding rounding = WeightRounding::kNone);

  int64_t num_parameters() const override { return linear_.num_parameters(); }
  void Run(const OpContext& context, std::span<const int32_t> ids,
           std::span<const int32_t> cu_seqlens, ConstMatrix hidden,
           std::span<SparseVector> vectors) const override;

 private:
  /// The vector of one text from the weights of its tokens, ids ascending. weights: [ids.size(),
  /// 1].
  SparseVector Collect(std::span<const int32_t> ids, ConstMatrix weights) const;

  TokenLinear linear_;
  std::vector<int32_t> unused_ids_;
};

}  // namespace bge

#endif  // BGE_HEADS_M3_SPARSE_HEAD_H_
