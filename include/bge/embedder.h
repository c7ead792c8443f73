// Texts to vectors with a BGE (or any BERT-like sentence-transformers) model.
#ifndef BGE_EMBEDDER_H_
#define BGE_EMBEDDER_H_

#include "bge/export.h"
#include "bge/representations.h"
#include "bge/token_sequences.h"
#include "bge/tokenizer.h"
#include "bge/types.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge {

/// The most threads that may be asked for.
inline constexpr int kMaxThreads = 1024;

/// Settings of a loaded model. What is left at nullopt comes from the model's own files.
struct EmbedderOptions {
  /// 0: one for each physical core that this process may use, and no more than its control groups
  /// give it CPU time for. At most kMaxThreads.
  int threads = 0;
  std::optional<Pooling> pooling = {};     ///< instead of the model's
  std::optional<int64_t> max_length = {};  ///< tokens, special tokens included
  /// What linear layers multiply. Weights that are stored in another type are converted.
  ComputeChoice compute_type = ComputeChoice::kDefault;
  /// Of the transformer's weights and BGE-M3's heads: FlagEmbedding's use_fp16 and use_bf16 on a
  /// CPU, which compute in float32 with weights that were rounded.
  WeightRounding round_weights = WeightRounding::kNone;
  /// A masked-language model without modules.json, which is a dense model otherwise, is a SPLADE
  /// model: what SparseEncoder makes of such a directory. Error(kInvalidArgument) where
  /// modules.json says that it is a dense one.
  bool splade = false;
  /// Folder in which an encoder's packed weights are kept, a file for each model and compute type,
  /// about as large as its weights in that type: the next load maps it instead of packing, and
  /// processes that do share its memory. Anything in it may be deleted at any time. Empty:
  /// $BGE_PACKED_CACHE; where that is unset, nothing is kept.
  std::string packed_cache = {};
  /// A name that the Hugging Face cache lacks is downloaded from the hub into it, which may take
  /// minutes; HF_HUB_OFFLINE forbids it. docs/environment.md lists what else is read.
  bool download = false;
  std::stop_token stop = {};  ///< a request to stop ends a download with Error(kCancelled)
  WarningSink on_warning = {};
};

/// Settings of one call. (Each has an initializer, so that {.role = ...} alone gives no warning.)
struct EncodeOptions {
  Role role = Role::kNone;
  /// Text put before every text, instead of what the role or prompt_name would choose.
  std::optional<std::string> instruction = {};
  /// A key of the model's prompts (ModelInfo::prompts). At most one of it and instruction.
  std::optional<std::string> prompt_name = {};
  /// nullopt: true. false returns the vector as the model's modules give it, a Normalize module at
  /// their end excluded (with truncate_dim included: it comes before the cut).
  std::optional<bool> normalize = {};
  std::optional<int64_t> max_length = {};  ///< at most the model's own limit
  /// Matryoshka: cut to this many values, then normalise unless `normalize` is false.
  std::optional<int64_t> truncate_dim = {};
  /// Of each sparse vector the so many weights that are largest in magnitude, of equal ones those
  /// of the lower ids; instead of the model's own limit, if it has one.
  std::optional<int64_t> max_active_dims = {};
  int64_t batch_tokens = 0;  ///< tokens computed together on a thread, 0 or more; 0: chosen
  /// Called from one thread at a time with the texts done so far, in no particular order of texts.
  /// What it throws ends the call and is thrown by it.
  std::function<void(int64_t done, int64_t total)> progress = {};
  /// A request to stop ends the call with Error(kCancelled); the output is then unspecified.
  std::stop_token stop = {};
};

/// What a model is, and where each setting came from.
struct ModelInfo {
  std::string path;          ///< the directory that was read
  std::string encoder_path;  ///< of the encoder's config.json, weights and tokenizer: it, or within
  std::string name;          ///< "BAAI/bge-small-en-v1.5" where it is recognised, else the folder's
  std::string architecture;  ///< config.json's architectures[0], or its model_type
  /// Else sparse vectors are weights of tokens (query_weights), of all texts.
  bool has_transformer = true;
  int64_t num_layers = 0;
  int64_t hidden_size = 0;
  int64_t num_heads = 0;
  int64_t intermediate_size = 0;
  int64_t vocab_size = 0;
  int64_t num_parameters = 0;  ///< in the tensors that inference reads
  std::string weights_dtype;   ///< as stored: "float32", "float16", "bfloat16", "int8"
  ComputeType compute_type = ComputeType::kFloat32;  ///< in use
  int64_t dimension = 0;          ///< of dense vectors, after all modules; 0 without a dense head
  int64_t max_length = 0;         ///< 2^40 where nobody limits it: a model without a transformer
  std::string max_length_source;  ///< file and field, or "default"
  int64_t max_positions = 0;      ///< the most that EncodeOptions::max_length may be
  Representations heads;          ///< the kinds of vectors that it makes
  int64_t colbert_dimension = 0;  ///< of each of a text's colbert vectors
  int64_t sparse_dimension = 0;   ///< ids of sparse vectors are below it; 0 without a sparse head
  std::string sparse_pooling;     ///< of a SPLADE model: "max" or "sum"; else empty
  std::string sparse_activation;  ///< likewise: "relu" or "log1p_relu"
  int64_t max_active_dims = 0;    ///< weights of a sparse vector, at most; 0: as there are
  /// Folder or file of the weights that queries' tokens have in sparse vectors, which then take no
  /// pass of the model, or of a model without a transformer all texts' tokens;
  /// empty: queries are computed as documents are.
  std::string query_weights;
  std::vector<Pooling> poolings;     ///< concatenated in this order; empty without a dense head
  std::string pooling_source;        ///< of those, or of sparse_pooling
  bool include_prompt = true;        ///< false: the prompt's tokens are left out of pooling
  bool normalizes = false;           ///< the model has a Normalize module
  std::vector<std::string> modules;  ///< as in modules.json, in order
  std::map<std::string, std::string> prompts;
  std::string default_prompt_name;  ///< empty: none
  std::string query_instruction;    ///< what Role::kQuery puts in front; empty: nothing
  std::string document_instruction;
  std::string instruction_source;  ///< of both; "A; B" where that of queries is from A, the other B
  /// "cosine", "dot", "euclidean", "manhattan"; of a model of token vectors "maxsim", "meanmaxsim"
  std::string similarity;
  /// Of a model of token vectors alone (ColBERT), whose roles read texts in different ways; 0 of
  /// others. max_length is that of Role::kNone.
  int64_t query_length = 0;  ///< most tokens of Role::kQuery
  std::string query_length_source;
  int64_t document_length = 0;  ///< most tokens of Role::kDocument
  std::string document_length_source;
  /// What Role::kQuery fills queries up with, and to how many tokens; empty and 0: it does not.
  std::string query_expansion_token;
  int64_t query_expansion_length = 0;
  bool query_expansion_attended = false;  ///< other tokens attend to those
  std::vector<std::string> files;         ///< relative paths of the files that were read
};

/// A loaded embedding model. Immutable; every method may be called from several threads at once.
class BGE_API Embedder {
 public:
  /// `model`: a model directory, or a name ("BAAI/bge-small-en-v1.5", "name@revision") that is
  /// looked up in the Hugging Face cache. Nothing is downloaded unless options.download allows it.
  /// Throws Error: kUnsupported too for a download that this build, or this machine, lacks libcurl
  /// for.
  static Embedder Load(const std::string& model, const EmbedderOptions& options = {});
  /// Load(model, options).info(), and its errors but for those of weights' values, without the time
  /// and the memory that the layers' weights take.
  static ModelInfo Inspect(const std::string& model, const EmbedderOptions& options = {});

  Embedder(Embedder&&) noexcept;
  Embedder& operator=(Embedder&&) noexcept;
  ~Embedder();

  /// One vector a text, in the order of the texts: [texts.size(), dimension]. Throws kUnsupported
  /// where the model makes no dense vectors (ModelInfo::heads). The result for a text
  /// does not depend on the other texts of the call, nor on the number of threads (to 1e-6).
  /// Texts that come to the same tokens are computed once a call and get bit-identical vectors.
  /// An empty text is a text: it is computed from the special tokens alone. A vector of zeros stays
  /// zeros when normalised. Throws kInvalidArgument for options that the model cannot meet.
  Embeddings Encode(std::span<const std::string_view> texts,
                    const EncodeOptions& options = {}) const;
  Embeddings Encode(std::span<const std::string> texts, const EncodeOptions& options = {}) const;
  /// Encode({"one text", "another"}).
  Embeddings Encode(std::initializer_list<std::string_view> texts,
                    const EncodeOptions& options = {}) const;

  /// One text: [dimension].
  std::vector<float> Encode(std::string_view text, const EncodeOptions& options = {}) const;

  /// As Encode with options.role set.
  Embeddings EncodeQueries(std::span<const std::string> texts, EncodeOptions options = {}) const;
  Embeddings EncodeQueries(std::initializer_list<std::string_view> texts,
                           EncodeOptions options = {}) const;
  Embeddings EncodeDocuments(std::span<const std::string> texts, EncodeOptions options = {}) const;
  Embeddings EncodeDocuments(std::initializer_list<std::string_view> texts,
                             EncodeOptions options = {}) const;

  /// As Encode, into the caller's buffer of texts.size() x OutputDimension(options) floats:
  /// kInvalidArgument for one of another size.
  EncodeStats EncodeInto(std::span<const std::string_view> texts, const EncodeOptions& options,
                         std::span<float> output) const;

  /// All kinds that are asked for, from one pass of the model (BGE-M3), or the colbert or sparse
  /// vectors of a model that makes nothing else. Of ColBERT models the role says how a text is
  /// read: queries may be filled up with mask tokens, which have vectors too, and documents'
  /// punctuation may have none; without a role they are read as documents, without the prompt and
  /// the length of those. A sparse encoder may have a route for queries and one for documents.
  /// truncate_dim and normalize hold for dense and colbert vectors alike. Throws kInvalidArgument
  /// where none is asked for, for a text of no role where the model has no route for it, and for
  /// options that none of its vectors have; kUnsupported where the model lacks a head.
  TextRepresentations EncodeAll(std::span<const std::string_view> texts,
                                const Representations& which,
                                const EncodeOptions& options = {}) const;
  TextRepresentations EncodeAll(std::span<const std::string> texts, const Representations& which,
                                const EncodeOptions& options = {}) const;

  /// The encoder's last hidden states of tokens that are given as they are: [tokens, hidden_size],
  /// what transformers' AutoModel has as last_hidden_state. No prompt, cut, pooling or other module
  /// is applied. Throws kInvalidArgument for sequences that are empty, or longer than the model's
  /// positions, and for ids that it lacks; kCorruptData for such types; kCancelled.
  Embeddings HiddenStates(const TokenSequences& sequences, std::stop_token stop = {}) const;

  /// Length of the dense vectors that a call with these options returns; 0 without a dense head.
  /// Throws kInvalidArgument for a truncate_dim that the model cannot meet.
  int64_t OutputDimension(const EncodeOptions& options = {}) const;
  int64_t dimension() const;
  int threads() const;
  const ModelInfo& info() const;
  /// The transformer's.
  const Tokenizer& tokenizer() const;
  /// The one that reads texts of this role: a sparse encoder whose queries have weights of their
  /// own may have two. Throws kInvalidArgument where the model has no route for the role.
  const Tokenizer& tokenizer(Role role) const;

 private:
  class Impl;
  explicit Embedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken".
BGE_API std::string_view PoolingName(Pooling pooling);
/// Accepts those names; nullopt for others.
BGE_API std::optional<Pooling> ParsePooling(std::string_view name);

/// "float32", "bfloat16", "int8".
BGE_API std::string_view ComputeTypeName(ComputeType type);
/// Accepts those names, "f32", "bf16", and "auto"; nullopt for others.
BGE_API std::optional<ComputeChoice> ParseComputeChoice(std::string_view name);

}  // namespace bge

#endif  // BGE_EMBEDDER_H_
