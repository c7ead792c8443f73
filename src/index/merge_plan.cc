// See merge_plan.h.
#include "index/merge_plan.h"

namespace bge::index {
namespace {

// Of segments without damage.
std::optional<MergeRange> PlanRun(std::span<const SegmentSize> segments) {
  std::optional<MergeRange> plan;
  int64_t newer = 0;
  for (size_t i = segments.size(); i > 0; --i) {
    const int64_t live = segments[i - 1].live;
    if (i < segments.size() && live <= newer) plan = MergeRange{i - 1, segments.size()};
    newer += live;
  }
  if (plan) return plan;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].deleted > segments[i].live) return MergeRange{i, i + 1};
  }
  return std::nullopt;
}

}  // namespace

std::optional<MergeRange> PlanMerge(std::span<const SegmentSize> segments) {
  size_t begin = 0;
  for (size_t end = 0; end <= segments.size(); ++end) {
    if (end < segments.size() && !segments[end].damaged) continue;
    if (const auto plan = PlanRun(segments.subspan(begin, end - begin))) {
      return MergeRange{begin + plan->begin, begin + plan->end};
    }
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace bge::index
