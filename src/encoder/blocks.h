// The two halves of a post-LayerNorm transformer layer (Vaswani et al. 2017, Devlin et al. 2018).
#ifndef BGE_ENCODER_BLOCKS_H_
#define BGE_ENCODER_BLOCKS_H_

#include "kernels/backend.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bge {

/// gamma and beta, each [H].
struct LayerNormWeights {
  std::vector<float> gamma;
  std::vector<float> beta;
};

/// The rows of the first tokens of all sequences: [N, x.cols], in the workspace. No sequence is
/// empty.
Matrix FirstRows(Matrix x, std::span<const int32_t> cu_seqlens, Workspace& workspace);

/// Memory that the layers of one forward pass share. T: the batch's tokens.
struct LayerScratch {
  LayerScratch() = default;
  /// For blocks of these sizes whose linear layers multiply `type` on this backend.
  LayerScratch(const Backend& backend, Workspace& workspace, ComputeType type, int64_t tokens,
               int64_t hidden_size, int64_t intermediate_size);

  /// The same memory for fewer rows.
  LayerScratch Rows(int64_t rows) const;

  /// The same for an output and a down layer that multiply `type`.
  LayerScratch WithFinerWeights(Workspace& workspace, ComputeType type) const;

  Operand query;        // [T, H], as attention takes them
  Operand keys_values;  // [T, 2H], likewise
  /// [T, 2H]: the same as floats, for attention of first tokens; in the memory of both.
  Matrix float_keys_values;
  Matrix attended;   // [T, H]: of first tokens
  Matrix projected;  // [T, H]: what a block adds to x
  /// [T, H]: x as linear layers multiply it, between blocks. Null with float32, where it is x
  /// itself.
  Operand input;
  /// [T, H]: what attention gives, as the output layer multiplies it; it may be input's memory, and
  /// with float32 it is `attended`.
  Operand mixed;
  /// [T, F]; may be the memory of query and keys_values, as they never live together.
  Operand inner;
};

/// x = LayerNorm(x + Wo * Attention(x) + bo).
struct AttentionBlock {
  int64_t num_heads = 0;
  std::unique_ptr<const PreparedLinear> query;      // [H, H]
  std::unique_ptr<const PreparedLinear> key_value;  // [2H, H]: key, value stacked
  std::vector<float> qkv_bias;                      // [3H]
  std::unique_ptr<const PreparedLinear> output;
  std::vector<float> output_bias;
  LayerNormWeights norm;
  RelativeBias relative_bias = {};

  /// x: [T, H], in place, and scratch.input with it.
  /// key_counts: as Backend::VarlenAttention has them.
  void Forward(const Backend& backend, const OpContext& context,
               std::span<const int32_t> cu_seqlens, float epsilon, const LayerScratch& scratch,
               Matrix x, std::span<const int32_t> key_counts = {}) const;

  /// Attention of the first token of each sequence alone, to as many rows of scratch.attended: once
  /// rounded to scratch.mixed, what Finish goes on with. x: [T, H], and scratch.input; first: [N,
  /// H], their rows of x.
  void AttendFirstTokens(const Backend& backend, const OpContext& context,
                         std::span<const int32_t> cu_seqlens, const LayerScratch& scratch, Matrix x,
                         Matrix first) const;

  /// x = LayerNorm(x + Wo * scratch.mixed + bo), in place, and scratch.input with it.
  /// finer_output: is multiplied instead of `output`, where it is not null.
  void Finish(const Backend& backend, const OpContext& context, float epsilon,
              const LayerScratch& scratch, Matrix x,
              const PreparedLinear* finer_output = nullptr) const;

 private:
  AttentionOptions Options(Matrix x, std::span<const int32_t> key_counts) const;
};

/// x = LayerNorm(x + W2 * activation(W1 * x + b1) + b2).
struct FeedForwardBlock {
  Activation activation = Activation::kGeluErf;
  std::unique_ptr<const PreparedLinear> up;  // [F, H]
  std::vector<float> up_bias;
  std::unique_ptr<const PreparedLinear> down;  // [H, F]
  std::vector<float> down_bias;
  LayerNormWeights norm;

  /// x: [T, H], or as many rows as are wanted, in place, and scratch.input with it. finer_down: is
  /// multiplied instead of `down`, where it is not null.
  void Forward(const Backend& backend, const OpContext& context, float epsilon,
               const LayerScratch& scratch, Matrix x,
               const PreparedLinear* finer_down = nullptr) const;
};

}  // namespace bge

#endif  // BGE_ENCODER_BLOCKS_H_
