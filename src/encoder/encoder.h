// A transformer encoder: packed tokens in, hidden states out.
#ifndef BGE_ENCODER_ENCODER_H_
#define BGE_ENCODER_ENCODER_H_

#include "base/json.h"
#include "encoder/packed_cache.h"
#include "kernels/backend.h"
#include "weights/weight_source.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bge {

/// The only layout of a batch: sequences one after another, no padding. Token t of sequence n is at
/// cu_seqlens[n] <= t < cu_seqlens[n + 1]. The spans are the caller's.
struct PackedBatch {
  std::span<const int32_t> input_ids;       // [T]
  std::span<const int32_t> token_type_ids;  // [T]
  std::span<const int32_t> cu_seqlens;      // [N + 1], from 0 to T
  /// [N], or empty. Where given, the tokens of sequence n attend to its first key_counts[n] alone,
  /// at least 1 of a sequence that is not empty.
  std::span<const int32_t> key_counts = {};

  int64_t num_tokens() const { return static_cast<int64_t>(input_ids.size()); }
  int64_t num_sequences() const { return static_cast<int64_t>(cu_seqlens.size()) - 1; }
};

/// What an encoder says of itself.
struct EncoderInfo {
  std::string architecture;
  int64_t num_layers = 0;
  int64_t hidden_size = 0;
  int64_t num_heads = 0;
  int64_t intermediate_size = 0;
  int64_t vocab_size = 0;
  int64_t max_tokens =
      0;  ///< positions it has, special tokens included (RoBERTa's offset taken off)
  int64_t num_parameters = 0;                        ///< of the tensors that inference reads
  std::string weights_dtype;                         ///< of the word embeddings, as stored
  ComputeType compute_type = ComputeType::kFloat32;  ///< of linear layers
  bool takes_key_counts = false;                     ///< of a PackedBatch, in Forward
  int64_t activation_bytes_per_token = 0;            ///< of Workspace, in one forward pass
  size_t packed_bytes = 0;                           ///< memory of its own, beside the mapped file
};

/// Immutable after construction; thread-safe (each call brings its own Workspace).
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual const EncoderInfo& info() const = 0;

  /// Last hidden states [T, H], in the workspace: valid until it is reset. Ids are in [0,
  /// vocab_size), sequences have 1..max_tokens tokens, and there are no key_counts where the
  /// encoder takes none: the caller has checked.
  virtual Matrix Forward(const PackedBatch& batch, const OpContext& context) const = 0;

  /// Last hidden states of the first token of each sequence, [N, H]; the same numbers as in
  /// Forward, but for rounding, without the last layer's work on the other tokens. In int8, parts
  /// of that layer may be of a finer type (first_token_weights.h). No sequence is empty, and there
  /// are no key_counts.
  virtual Matrix ForwardFirstTokens(const PackedBatch& batch, const OpContext& context) const = 0;
};

/// The encoder that `config` (a Hugging Face config.json) names, with its weights; its linear
/// layers multiply `type`, which the backend supports, and may come from `cache`.
/// Error(kUnsupported) for an unknown model_type, activation or position scheme; kCorruptData for
/// weights that do not fit. `first_tokens`: ForwardFirstTokens will be called, and is to be
/// accurate: what costs memory for that may be prepared.
std::unique_ptr<const Encoder> MakeEncoder(json::Value config,
                                           std::shared_ptr<const WeightSource> weights,
                                           ComputeType type, const Backend& backend,
                                           ThreadPool& pool, const PackedCacheOptions& cache,
                                           bool first_tokens);

/// EncoderInfo::max_tokens of that encoder, from `config` alone. Errors as above.
int64_t MaxTokens(json::Value config);

}  // namespace bge

#endif  // BGE_ENCODER_ENCODER_H_
