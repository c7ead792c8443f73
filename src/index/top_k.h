// Keeps the best k of a stream of scored rows.
#ifndef BGE_INDEX_TOP_K_H_
#define BGE_INDEX_TOP_K_H_

#include "index/deleted_rows.h"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace bge::index {

struct Candidate {
  float score = 0;
  int64_t row = 0;
};

/// The order of results, a total one: higher score first, equal scores by row.
inline bool IsBetter(const Candidate& a, const Candidate& b) {
  return a.score > b.score || (a.score == b.score && a.row < b.row);
}

/// The k best candidates offered so far. What it returns does not depend on the order of the
/// offers, so rows may be cut among threads in any way. Single thread.
///
/// A buffer of up to 2k candidates is cut back to k by std::nth_element whenever it is full: O(1) a
/// kept row, and rows below the k-th best so far cost one comparison.
class TopK {
 public:
  explicit TopK(int64_t k);

  /// A candidate that k others are known to beat or equal, for offers that only a better one
  /// passes.
  const Candidate& floor() const { return worst_; }
  /// Takes over the floor of another object that this one will be merged into.
  void SetFloor(const Candidate& floor) { worst_ = floor; }

  /// scores[i] is that of row first_row + i. NaN counts as -infinity. Where `deleted` is not null,
  /// it knows that row as first_deleted + i, and those that it contains are left out.
  void Offer(std::span<const float> scores, int64_t first_row, const DeletedRows* deleted = nullptr,
             int64_t first_deleted = 0);
  void Merge(const TopK& other);
  /// At most k candidates, best first; the object is then empty.
  std::vector<Candidate> Take();

 private:
  void Add(Candidate candidate);
  void Compact();

  size_t k_;
  size_t capacity_;
  // The k-th best at the last Compact(): whatever is not better cannot be among the k best.
  Candidate worst_{-std::numeric_limits<float>::infinity(), std::numeric_limits<int64_t>::max()};
  std::vector<Candidate> candidates_;
};

}  // namespace bge::index

#endif  // BGE_INDEX_TOP_K_H_
