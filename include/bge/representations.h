// The three kinds of vectors that BGE-M3 and other models make of a text, and how two texts are
// scored with them.
#ifndef BGE_REPRESENTATIONS_H_
#define BGE_REPRESENTATIONS_H_

#include "bge/export.h"
#include "bge/types.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace bge {

/// Which kinds a call returns. A model without the head of a kind that is asked for is an error.
struct Representations {
  bool dense = true;
  bool sparse = false;
  bool colbert = false;
};

/// Lexical weights of one text: token ids, ascending, and their weights: above zero, unless a model
/// has other weights for the tokens of queries.
struct SparseVector {
  std::vector<int32_t> token_ids;
  std::vector<float> weights;
};

/// The vectors of one text's tokens, row-major: [values.size() / dimension, dimension].
struct MultiVector {
  int64_t dimension = 0;
  std::vector<float> values;

  int64_t count() const {
    return dimension == 0 ? 0 : static_cast<int64_t>(values.size()) / dimension;
  }
  std::span<const float> operator[](int64_t i) const {
    return {values.data() + i * dimension, static_cast<size_t>(dimension)};
  }
};

/// What a call returns, in the order of its texts. A kind that was not asked for is empty.
struct TextRepresentations {
  Embeddings dense_vecs;
  std::vector<SparseVector> lexical_weights;
  std::vector<MultiVector> colbert_vecs;
  EncodeStats stats;
};

// The functions below read their arguments alone, and may be called from many threads.

/// Sum over the token ids that both have of the products of their weights (FlagEmbedding's
/// compute_lexical_matching_score). Not divided by anything. Ids must ascend;
/// Error(kInvalidArgument) where a vector has not as many weights as ids.
BGE_API float LexicalMatchingScore(const SparseVector& a, const SparseVector& b);

/// What the largest product of a query's vector may fall to where all are negative.
enum class ColbertClamp {
  kNone,  ///< FlagEmbedding's colbert_score of two arrays
  kZero,  ///< its batched scores, where the padding of a shorter passage counts as vectors of zeros
};

/// The mean over the query's vectors of the largest inner product with one of the passage's
/// (Khattab and Zaharia 2020, divided by the query's vectors as FlagEmbedding does).
/// Error(kInvalidArgument) where the dimensions differ, or a vector is not whole; without vectors
/// on either side it is 0.
BGE_API float ColbertScore(const MultiVector& query, const MultiVector& passage,
                           ColbertClamp clamp = ColbertClamp::kNone);

/// The same sum, not divided: sentence-transformers' maxsim, by which ColBERT models are compared.
/// (Its meanmaxsim is ColbertScore.) Errors as above.
BGE_API float MaxSim(const MultiVector& query, const MultiVector& passage);

/// Scores of a query and a passage by each kind, and weighted means of them.
struct M3Scores {
  float dense = 0;
  float sparse = 0;
  float colbert = 0;
  float sparse_dense = 0;          ///< FlagEmbedding's "sparse+dense"; 0 without weight for either
  float colbert_sparse_dense = 0;  ///< "colbert+sparse+dense"
};

/// Of text `query` of `queries` and text `passage` of `passages`, which have all three kinds, dense
/// vectors normalised. weights: dense, sparse, colbert. Error(kInvalidArgument) where a kind is
/// absent or the weights add up to zero.
BGE_API M3Scores ComputeM3Scores(const TextRepresentations& queries, int64_t query,
                                 const TextRepresentations& passages, int64_t passage,
                                 const std::array<float, 3>& weights = {1, 1, 1},
                                 ColbertClamp clamp = ColbertClamp::kNone);

}  // namespace bge

#endif  // BGE_REPRESENTATIONS_H_
