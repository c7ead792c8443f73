// BGE-M3's multi-vectors: a vector for each token of a text but the first (Chen et al. 2024).
//
// FlagEmbedding/finetune/embedder/encoder_only/m3/modeling.py, _colbert_embedding: a linear layer
// on the hidden states behind the first token, </s> included; cut, then each normalised.
#ifndef BGE_HEADS_COLBERT_HEAD_H_
#define BGE_HEADS_COLBERT_HEAD_H_

#include "heads/token_linear.h"
#include "kernels/backend.h"

#include <cstdint>
#include <filesystem>

namespace bge {

/// Immutable; thread-safe.
class ColbertHead {
 public:
  static constexpr const char* kFile = "colbert_linear";

  /// `file`: weight [D, hidden_size], bias [D].
  ColbertHead(const std::filesystem::path& file, int64_t hidden_size, const Backend& backend)
      : backend_(backend), linear_(file, hidden_size, 0, backend) {}

  int64_t dimension() const { return linear_.outputs(); }
  int64_t num_parameters() const { return linear_.num_parameters(); }

  /// hidden: [T, H]; the result: [T, dimension], in the workspace, of every token, each of unit
  /// length where `normalize`. `dimension` is at most dimension().
  Matrix TokenVectors(const OpContext& caller, ConstMatrix hidden, int64_t dimension,
                      bool normalize) const {
    const OpContext context = caller.At(Stage::kPool);
    const Matrix all = context.workspace.NewMatrix(hidden.rows, linear_.outputs());
    linear_.Run(context, hidden, Activation::kIdentity, all);
    const Matrix cut(all.data, all.rows, dimension, all.stride);
    if (normalize) backend_.L2Normalize(context, cut);
    return cut;
  }

 private:
  const Backend& backend_;
  TokenLinear linear_;
};

}  // namespace bge

#endif  // BGE_HEADS_COLBERT_HEAD_H_
