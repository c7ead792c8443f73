#include "tokenizer/pretokenized_string.h"

namespace bge::tokenizer {

void PretokenizedString::Clear() {
  text_.clear();
  origins_.clear();
  pieces_.clear();
}

void PretokenizedString::Append(const NormalizedString& text, ByteRange range) {
  if (range.begin >= range.end) return;
  const size_t begin = text_.size();
  text_.append(text.text(), range.begin, range.end - range.begin);
  origins_.insert(origins_.end(), text.origins().begin() + static_cast<ptrdiff_t>(range.begin),
                  text.origins().begin() + static_cast<ptrdiff_t>(range.end));
  pieces_.push_back({{begin, text_.size()}, std::nullopt});
}

// Not the token's text: tokens that take white space can overlap, and each would copy it.
void PretokenizedString::AppendToken(int32_t id, Offset original) {
  text_.push_back(' ');
  origins_.push_back(original);
  pieces_.push_back({{text_.size() - 1, text_.size()}, id});
}

// normalizer.rs, NormalizedString::split: the same folds over the ranges.
void PretokenizedString::AppendSplits(ByteRange piece, SplitBehavior behavior) {
  const size_t first = new_pieces_.size();
  const auto push = [&](const PatternRange& r) {
    new_pieces_.push_back({{piece.begin + r.range.begin, piece.begin + r.range.end}, std::nullopt});
  };
  const auto extend = [&](const PatternRange& r) {
    new_pieces_.back().range.end = piece.begin + r.range.end;
  };
  bool previous = false;
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const PatternRange& r : ranges_) {
        if (!r.is_match) push(r);
      }
      break;
    case SplitBehavior::kIsolated:
      for (const PatternRange& r : ranges_) push(r);
      break;
    case SplitBehavior::kContiguous:
      for (const PatternRange& r : ranges_) {
        if (r.is_match == previous && new_pieces_.size() > first) {
          extend(r);
        } else {
          push(r);
        }
        previous = r.is_match;
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      for (const PatternRange& r : ranges_) {
        if (r.is_match && !previous && new_pieces_.size() > first) {
          extend(r);
        } else {
          push(r);
        }
        previous = r.is_match;
      }
      break;
    case SplitBehavior::kMergedWithNext: {
      // From the right: a match joins the piece behind it, unless that piece starts with a match.
      bool next_is_match = false;
      std::vector<PatternRange> merged;
      for (auto r = ranges_.rbegin(); r != ranges_.rend(); ++r) {
        if (r->is_match && !next_is_match && !merged.empty()) {
          merged.back().range.begin = r->range.begin;
        } else {
          merged.push_back(*r);
        }
        next_is_match = r->is_match;
      }
      for (auto r = merged.rbegin(); r != merged.rend(); ++r) push(*r);
      break;
    }
  }
}

}  // namespace bge::tokenizer
