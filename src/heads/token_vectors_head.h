// The head of ColBERT models: a vector for each token of a text that counts (Khattab and Zaharia
// 2020).
//
// Follows sentence-transformers 6.2: Dense and Normalize modules on token_embeddings, and
// multi_vector_encoder/modules/multi_vector_mask.py, which says which tokens count.
#ifndef BGE_HEADS_TOKEN_VECTORS_HEAD_H_
#define BGE_HEADS_TOKEN_VECTORS_HEAD_H_

#include "heads/dense_layer.h"
#include "heads/module_spec.h"
#include "heads/multi_vector_head.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace bge {

/// Modules that work on every token, in their order.
using TokenModule = std::variant<DenseModule, NormalizeModule>;

/// Which tokens have a vector, by their ids. Texts without a role are documents.
struct TokenMask {
  /// False: all tokens but those that fill up a query and are not attended to. True: those too.
  bool expansion = false;
  std::vector<int32_t> skipped = {};  ///< have none, in the texts that the next two say
  bool skips_in_queries = false;
  bool skips_in_documents = true;
  std::vector<int32_t> kept = {};  ///< of documents these alone, unless it is empty
};

class TokenVectorsHead : public MultiVectorHead {
 public:
  /// Loads the weights of Dense modules. Error(kCorruptData) where dimensions do not follow from
  /// each other.
  TokenVectorsHead(std::span<const TokenModule> modules, TokenMask mask, int64_t hidden_size,
                   const Backend& backend);

  int64_t dimension() const override { return dimension_; }
  int64_t num_parameters() const override { return num_parameters_; }
  /// Of the modules' weights.
  const std::vector<std::filesystem::path>& files() const { return files_; }
  int64_t bytes_per_token() const override {
    return (values_per_token_ + dimension_) * static_cast<int64_t>(sizeof(float));
  }
  void Run(const OpContext& context, const TokenBatch& batch, ConstMatrix hidden, int64_t dimension,
           bool normalize, std::span<MultiVector> vectors) const override;

 private:
  struct Normalize {};
  using Step = std::variant<DenseLayer, Normalize>;
  bool Counts(int32_t id, Role role) const;

  const Backend& backend_;
  TokenMask mask_;  // its ids sorted
  int64_t dimension_;
  int64_t num_parameters_ = 0;
  int64_t values_per_token_;      // of the copied hidden state and all that is made of it
  bool ends_normalized_ = false;  // a Normalize module is the last
  std::vector<std::filesystem::path> files_;
  std::vector<Step> steps_;  // without the Normalize modules at the end, which Run's caller decides
};

}  // namespace bge

#endif  // BGE_HEADS_TOKEN_VECTORS_HEAD_H_
