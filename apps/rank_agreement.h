// Do two sets of vectors of the same texts rank those texts alike?
#ifndef BGE_APPS_RANK_AGREEMENT_H_
#define BGE_APPS_RANK_AGREEMENT_H_

#include <cstdint>
#include <span>

namespace bge::cli {

/// How alike, from the cosines of all pairs of texts within each set.
struct RankAgreement {
  int64_t texts = 0;
  int64_t top_k =
      0;  ///< neighbours looked at for each text: 10, or all others where they are fewer
  /// Mean over the texts of the share of its top_k neighbours by set a that are neighbours by set b
  /// too. A text counts as one where its cosine by b is within `tolerance` of the top_k-th by b, so
  /// that the order of ties does not matter.
  double overlap = 1;
  /// Spearman's rank correlation between the two cosines of each pair of texts (equal ones get
  /// their mean rank).
  double spearman = 1;
};

/// a, b: [texts, dimension], two texts at least. Costs texts^2 * dimension operations and 20 bytes
/// for each pair.
RankAgreement CompareRanks(std::span<const float> a, std::span<const float> b, int64_t texts,
                           int64_t dimension, double tolerance);

}  // namespace bge::cli

#endif  // BGE_APPS_RANK_AGREEMENT_H_
