// The operations that encoders and heads are made of.
//
// One class for each kind of hardware: ref/ is the specification in plain loops, cpu/ the fast one.
// The ops are coarse (at least tens of microseconds each), so a virtual call costs nothing. Every
// op checks nothing: shapes are the caller's promise (BGE_DCHECK in debug builds). All float data
// is float32; tables that stay in a model file may be float16, bfloat16 or int8 and unaligned.
//
// Thread-safety: ops are const and may run at once on different data. An op may split its work over
// `context.pool`; inside another loop of that pool it runs on the calling thread alone.
// Letters: T packed tokens, N sequences, H hidden size, A heads, D head_dim, K inner, M rows.
#ifndef BGE_KERNELS_BACKEND_H_
#define BGE_KERNELS_BACKEND_H_

#include "bge/types.h"

#include "base/parallel.h"
#include "kernels/operand.h"
#include "kernels/stage.h"
#include "tensor/tensor_view.h"
#include "tensor/workspace.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// Where an op finds its threads and scratch memory. Scratch is taken from `workspace` (of the
/// calling thread) and given back with it.
struct OpContext {
  ThreadPool& pool;
  Workspace& workspace;
  Stage stage = Stage::kUnlabelled;

  OpContext At(Stage label) const { return {pool, workspace, label}; }
};

enum class Activation { kIdentity, kGeluErf, kGeluTanh, kRelu, kSilu, kTanh, kSigmoid };

/// What a linear layer does to x W^T before it stores it: activation(x W^T + bias).
struct Epilogue {
  std::span<const float> bias = {};  // [N]; empty: zero
  Activation activation = Activation::kIdentity;
};

/// Weights of a linear layer in the form that a backend multiplies fastest. Immutable.
class PreparedLinear {
 public:
  virtual ~PreparedLinear() = default;
  /// Of the operands that it is multiplied with.
  virtual ComputeType type() const = 0;
  virtual int64_t in_features() const = 0;   // K
  virtual int64_t out_features() const = 0;  // N
  /// Bytes of memory that it owns (0 where it multiplies what is mapped, as it is).
  virtual size_t owned_bytes() const = 0;
  /// All that it reads when it multiplies, for Backend::FromPacked. Empty where the backend's
  /// PackedLayout is.
  virtual std::span<const std::byte> packed() const { return {}; }
};

/// What attention adds to scores by how far a key is behind its query (Shaw et al. 2018; by heads,
/// Raffel et al. 2020, section 2.1).
struct RelativeBias {
  /// [A, 2 * farthest + 1]: of keys `farthest` tokens in front of the query, ..., behind it. Empty:
  /// nothing is added.
  std::span<const float> values = {};
  int64_t farthest = 0;

  /// Of a key so far behind the query, or less than zero; farther ones have the value of the
  /// farthest.
  float At(int64_t head, int64_t distance) const {
    const int64_t column = std::clamp(distance, -farthest, farthest) + farthest;
    return values[static_cast<size_t>(head * (2 * farthest + 1) + column)];
  }
};

/// What attention is, but for its numbers.
struct AttentionOptions {
  int64_t num_heads;
  float scale;  // of q . k
  /// Token i sees token j of its sequence where |i - j| <= window; none: it sees all of them.
  std::optional<int64_t> window = {};
  /// [N], or empty. Where given, the tokens of sequence n see its first key_counts[n] tokens alone,
  /// at least 1 of a sequence that is not empty. A token whose window then holds none gets zeros,
  /// as torch's scaled_dot_product_attention gives them; with a bias, the value's.
  std::span<const int32_t> key_counts = {};
  /// Added to scale * q . k. Not together with a window.
  RelativeBias relative_bias = {};

  /// Keys of sequence n, which has so many tokens.
  int64_t NumKeys(size_t n, int64_t seqlen) const {
    return key_counts.empty() ? seqlen : key_counts[n];
  }
  /// Pairs of a token and one that it sees in that sequence; with both restrictions at most so
  /// many.
  int64_t NumPairs(size_t n, int64_t seqlen) const {
    const int64_t farthest = std::min(window.value_or(seqlen), seqlen - 1);
    const int64_t near = seqlen * (2 * farthest + 1) - farthest * (farthest + 1);
    return std::min(near, seqlen * NumKeys(n, seqlen));
  }
};

/// Inputs of the embedding lookup: all [T].
struct EmbeddingInputs {
  std::span<const int32_t> input_ids;       // in [0, rows of word)
  std::span<const int32_t> position_ids;    // in [0, rows of position)
  std::span<const int32_t> token_type_ids;  // in [0, rows of token_type); empty: all of type 0
};

/// Tables of the embedding lookup, each [rows, H] of any dtype and alignment. Where the data of
/// token_type or of position is null, nothing is added for it.
struct EmbeddingTables {
  TensorView word;
  TensorView position;
  TensorView token_type;
};

/// One range of rows of `hidden` that becomes one pooled row: tokens [begin, end) of a sequence
/// whose first token is row `sequence_begin`. begin > sequence_begin where a prompt is left out.
struct PoolRange {
  int64_t sequence_begin;
  int64_t begin;
  int64_t end;
};

/// How the rows y of a sequence become one.
enum class TermPooling {
  kMax,        ///< the largest; -infinity without rows
  kSumLog,     ///< the sum of log(1 + max(0, y))
  kSumLogLog,  ///< the sum of log(1 + log(1 + max(0, y)))
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;

  /// Whether linear layers of this type run on this machine. float32 does everywhere.
  virtual bool Supports(ComputeType type) const = 0;

  /// Stacks weights [n_i, K] (PyTorch's layout, any dtype) along their rows: y = x * W^T. kInt8
  /// takes K up to 32,768 and rounds each row of W, in parts of 256 columns where K is over 1,024,
  /// to 127 steps of the largest magnitude (tensor/int8_row.h); a row that is stored as int8 it
  /// takes as it is. Of `exact_columns`, at most kMaxOutliers columns of W without repetition,
  /// kInt8 keeps what the rounding takes off, and multiplies the outliers of x in them with both:
  /// for the few columns that outliers meet in every text. The parts' memory must outlive the
  /// result unless owned_bytes() is not 0.
  virtual std::unique_ptr<const PreparedLinear> PrepareLinear(
      std::span<const TensorView> parts, ComputeType type,
      std::span<const int32_t> exact_columns) const = 0;
  /// Without exact columns.
  std::unique_ptr<const PreparedLinear> PrepareLinear(std::span<const TensorView> parts,
                                                      ComputeType type) const {
    return PrepareLinear(parts, type, {});
  }

  /// The format of PreparedLinear::packed() in words: what was packed under one name can be used
  /// under the same name, in any process. Empty where it cannot be.
  virtual std::string PackedLayout(ComputeType type) const = 0;

  /// The prepared linear [n, k] whose packed() was copied to `memory`, 64-byte aligned, which must
  /// outlive it. Null where the size or the exact columns do not fit; what else the memory holds is
  /// not checked, and harms nothing but results.
  virtual std::unique_ptr<const PreparedLinear> FromPacked(
      std::span<const std::byte> memory, int64_t n, int64_t k, ComputeType type,
      std::span<const int32_t> exact_columns) const = 0;

  /// y[M, N] = activation(x[M, K] * W^T + bias), sums in float32 (kInt8: exact, then scaled). x has
  /// the type of w; y is float32, or the next layer's operand of any type (before it is rounded, an
  /// activation may then be off by 1e-4). A row of y depends on its row of x alone, bit by bit.
  virtual void Linear(const OpContext& context, const ConstOperand& x, const PreparedLinear& w,
                      const Epilogue& epilogue, const Operand& y) const = 0;

  /// out[n] = y[r] = x[r] * W^T + bias, pooled over the rows r of sequence n; for a W of a whole
  /// vocabulary, so that nobody stores y (SPLADE; Formal et al. 2021). x has the type of w; bias
  /// may be empty. cu_seqlens: [out.rows + 1], from 0 to x.rows. A row of out depends on the rows
  /// of its sequence alone, bit by bit.
  virtual void PooledLinear(const OpContext& context, const ConstOperand& x,
                            const PreparedLinear& w, std::span<const float> bias,
                            std::span<const int32_t> cu_seqlens, TermPooling pooling,
                            Matrix out) const = 0;

  /// out = x in out's format; for float32, which needs no change, out must be x itself. kInt8
  /// rounds each row to 255 steps, or 127 where that multiplies faster, between its least number,
  /// or zero, and its largest.
  virtual void ToOperand(const OpContext& context, ConstMatrix x, const Operand& out) const = 0;

  /// out[t] = LayerNorm(word[input_ids[t]] + token_type[token_type_ids[t]] +
  /// position[position_ids[t]]). gamma, beta: [H]. Devlin et al. 2018; the order of the additions
  /// is transformers'. Also rounded = ToOperand(out), unless rounded.data is null.
  virtual void EmbedLayerNorm(const OpContext& context, const EmbeddingInputs& inputs,
                              const EmbeddingTables& tables, std::span<const float> gamma,
                              std::span<const float> beta, float epsilon, Matrix out,
                              const Operand& rounded) const = 0;

  /// out = LayerNorm((x + bias) + residual) by rows: (v - mean) / sqrt(var + epsilon) * gamma +
  /// beta. bias may be empty (zero), residual.data null (zero). out may be x or residual itself.
  /// Also rounded = ToOperand(out), unless rounded.data is null.
  virtual void AddBiasLayerNorm(const OpContext& context, ConstMatrix x,
                                std::span<const float> bias, ConstMatrix residual,
                                std::span<const float> gamma, std::span<const float> beta,
                                float epsilon, Matrix out, const Operand& rounded) const = 0;

  /// x = activation(x + bias) in place; bias may be empty. kGeluErf is 0.5 x (1 + erf(x / sqrt 2)).
  virtual void BiasActivation(const OpContext& context, Matrix x, std::span<const float> bias,
                              Activation activation) const = 0;

  /// x = x + (y + bias) by rows, in place; bias may be empty (zero), y.data null (nothing is
  /// added). And normalized = LayerNorm(x), as AddBiasLayerNorm has it, in the format of
  /// `normalized`, which is other memory than x's: what a layer adds to the residual stream, and
  /// what the next one multiplies.
  virtual void ResidualLayerNorm(const OpContext& context, ConstMatrix y,
                                 std::span<const float> bias, std::span<const float> gamma,
                                 std::span<const float> beta, float epsilon, Matrix x,
                                 const Operand& normalized) const = 0;

  /// out = activation(a) * b, a row of x being a and b, one after the other (Shazeer 2020, GLU
  /// variants). x: [T, 2F]; out: [T, F] of any format (before it is rounded, an activation may be
  /// off by 1e-4).
  virtual void GatedActivation(const OpContext& context, ConstMatrix x, Activation activation,
                               const Operand& out) const = 0;

  /// Turns heads by the positions of their tokens, in place (Su et al. 2021, with the halves of
  /// GPT-NeoX): numbers d and d + D/2 of each head are a point in a plane, and of token p of a
  /// sequence it turns by the angle whose cosine is turns.row(p)[d], whose sine turns.row(p)[D/2 +
  /// d]. x: [T, any number of heads, D], rows may be strided; turns: [longest sequence or more, D],
  /// D even. cu_seqlens: [N + 1], from 0 to T.
  virtual void RotaryEmbedding(const OpContext& context, ConstMatrix turns,
                               std::span<const int32_t> cu_seqlens, Matrix x) const = 0;

  /// What VarlenAttention of this type takes queries, keys and values as with the least work:
  /// kBFloat16 where it would round them to that, else kFloat32.
  virtual ComputeType AttentionInputType(ComputeType type) const = 0;

  /// Attention within each sequence of a packed batch. q: [T, H]; keys_values: [T, 2H], a row holds
  /// k, v; each is [A, D], of float32 or AttentionInputType(type), without bias, but for queries
  /// that are not float32, which have it. bias: [3H] of q, k, v, or empty. cu_seqlens: [N + 1],
  /// from 0 to T. out: [T, H] of any format. With a window, the work grows with T times the window.
  /// (A backend may leave out the key's bias, which no softmax can see.) Other types than float32
  /// allow it to multiply bfloat16; sums and softmax are float32.
  virtual void VarlenAttention(const OpContext& context, const ConstOperand& q,
                               const ConstOperand& keys_values, std::span<const float> bias,
                               std::span<const int32_t> cu_seqlens,
                               const AttentionOptions& attention, ComputeType type,
                               const Operand& out) const = 0;

  /// The same with q, k and v in one matrix: [T, 3H].
  void VarlenAttention(const OpContext& context, ConstMatrix qkv, std::span<const float> bias,
                       std::span<const int32_t> cu_seqlens, const AttentionOptions& attention,
                       ComputeType type, const Operand& out) const {
    const int64_t h = out.cols;
    VarlenAttention(context, ConstOperand(qkv.Columns(0, h)), ConstOperand(qkv.Columns(h, 2 * h)),
                    bias, cu_seqlens, attention, type, out);
  }

  /// VarlenAttention for the first token of each sequence alone, in float32. q: [N, H], theirs;
  /// keys_values: [T, 2H], a row holds k, v. No sequence is empty. bias, out: [3H] or empty, [N,
  /// H].
  virtual void FirstTokenAttention(const OpContext& context, ConstMatrix q, ConstMatrix keys_values,
                                   std::span<const float> bias, std::span<const int32_t> cu_seqlens,
                                   const AttentionOptions& attention, Matrix out) const = 0;

  /// out[n] = pooled rows of ranges[n] (sentence-transformers models/Pooling.py). An empty range
  /// gives what masked padding gives there: zeros for the means and lasttoken; for cls the first
  /// row of the sequence where a prompt takes all of it (begin > sequence_begin), else zeros; for
  /// max zeros, where upstream has -infinity. hidden: [T, H]; out: [N, H], rows may be strided.
  virtual void Pool(const OpContext& context, ConstMatrix hidden, std::span<const PoolRange> ranges,
                    Pooling pooling, Matrix out) const = 0;

  /// Each row / max(its L2 norm, 1e-12), in place; the norm is accumulated so that it does not
  /// overflow before the row's own values do.
  virtual void L2Normalize(const OpContext& context, Matrix x) const = 0;

  /// scores[q][r] = queries[q] . rows[r]. queries: [Q, D], rows: [R, D], scores: [Q, R].
  virtual void DotProducts(const OpContext& context, ConstMatrix queries, ConstMatrix rows,
                           Matrix scores) const = 0;
};

/// "ref", or "cpu". Both are stateless singletons that live as long as the program.
const Backend& ReferenceBackend();
const Backend& CpuBackend();

/// CpuBackend() without weights: its linear layers have their sizes and are never multiplied, so
/// that a model can be looked at without reading what is most of it.
const Backend& SizesOnlyBackend();

/// Every backend of this build, for tests and `bge bench`.
std::span<const Backend* const> AllBackends();

}  // namespace bge

#endif  // BGE_KERNELS_BACKEND_H_
