// Which segments of an index are to be written anew as one.
#ifndef BGE_INDEX_MERGE_PLAN_H_
#define BGE_INDEX_MERGE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace bge::index {

struct SegmentSize {
  int64_t live = 0;
  int64_t deleted = 0;
  bool damaged = false;  // cannot be read, so it must be left alone
};

/// Segments [begin, end).
struct MergeRange {
  size_t begin = 0;
  size_t end = 0;
};

/// What to merge after a change, oldest segment first; nullopt: nothing.
///
/// Two rules. A segment has more live rows than all newer ones together; the first that has not is
/// merged with all newer ones. (This is the logarithmic method of Bentley and Saxe, 1980: there are
/// at most log2 of all rows + 1 segments. A row is written when it comes, perhaps once more with
/// older ones at once, and later only into a segment twice as large as the one it was in: log2
/// times. Only neighbours are merged, so the order of rows
/// stays.) And at most half of a segment's rows are deleted; one with more is written again alone,
/// so a deleted row costs at most the writing of one that is left.
///
/// A damaged segment is never in a range: those before it and those after it are merged as if they
/// were two indexes, so that one bad byte does not let segments pile up.
std::optional<MergeRange> PlanMerge(std::span<const SegmentSize> segments);

}  // namespace bge::index

#endif  // BGE_INDEX_MERGE_PLAN_H_
