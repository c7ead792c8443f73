// Numbers that others have published for well-known models: what `bge verify --published` compares
// a user's own copy of the weights with.
#ifndef BGE_APPS_PUBLISHED_VALUES_H_
#define BGE_APPS_PUBLISHED_VALUES_H_

#include "bge/embedder.h"
#include "bge/reranker.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bge::cli {

/// What is computed for a published value.
enum class Quantity {
  kFirstValues,        ///< the first values of the dense vector of `text`
  kFirstRawValues,     ///< of the vector before it is normalised
  kLastValues,         ///< its last values
  kSum,                ///< the sum of all its values
  kSimilarity,         ///< the product of the dense vectors of `text` and `other`
  kQuerySearch,        ///< the same, `text` as a query, with the model's instruction
  kLexicalScore,       ///< LexicalMatchingScore of the two
  kColbertScore,       ///< ColbertScore, `text` being the query
  kLexicalWeight,      ///< the weight of the token `other` in `text`
  kLexicalWeightOfId,  ///< the same, `other` being the token's id
  kSparseDenseScore,   ///< the mean of lexical and dense score, weighted 0.2 and 0.4
  kAllScore,           ///< of lexical, dense and ColBERT score, weighted 0.2, 0.4 and 0.4
  kLogit,              ///< a reranker's score of query `text` and passage `other`
};

/// One fact. All views live for ever.
struct PublishedValue {
  std::string_view model;  ///< "BAAI/bge-m3"
  Quantity quantity;
  std::string_view text;
  std::string_view other;
  std::vector<float> values;
  float tolerance;          ///< absolute; as many digits as were published
  std::string_view source;  ///< who published it, and where
};

/// Those of other families than BAAI's, and from those who compare with BGE-M3: a part of the
/// table.
std::vector<PublishedValue> PublishedByPeers();
/// All of them.
const std::vector<PublishedValue>& PublishedTable();
/// The facts about `model`, by its full name or the part behind the slash; empty for another model.
std::vector<const PublishedValue*> FindPublished(std::string_view model);
/// The models of which there are any, each once.
std::vector<std::string_view> PublishedModels();

/// A fact beside what was computed here.
struct PublishedComparison {
  const PublishedValue* value;
  std::vector<float> found;
  float difference;  ///< the largest; infinite where something is no number
  bool within() const { return difference <= value->tolerance; }
};

/// Computes each. Error where the model cannot (a dense model has no lexical weights).
std::vector<PublishedComparison> ComparePublished(std::span<const PublishedValue* const> values,
                                                  const Embedder& model);
std::vector<PublishedComparison> ComparePublished(std::span<const PublishedValue* const> values,
                                                  const Reranker& model);

/// "logit of \"what is panda?\" and \"hi\"", for people.
std::string Describe(const PublishedValue& value);

}  // namespace bge::cli

#endif  // BGE_APPS_PUBLISHED_VALUES_H_
