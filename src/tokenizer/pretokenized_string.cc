#include "tokenizer/pretokenized_string.h"

#include "base/error.h"

#include <algorithm>

namespace bge::tokenizer {

void RewrittenPiece::CheckGrowth(size_t bytes) const {
  const size_t end = text_->size() + bytes;
  if (end >> 16 != text_->size() >> 16) ThrowIfStopped(stop_);
  if (end > most_) {
    Fail(ErrorCode::kUnsupported, "cutting makes a text more than 64 times as long",
         "tokenizer.json: field pre_tokenizer", "expected stages that add a few bytes to a word");
  }
}

void RewrittenPiece::Append(std::string_view bytes, Offset origin) {
  CheckGrowth(bytes.size());
  text_->append(bytes);
  origins_->resize(text_->size(), origin);
}

void RewrittenPiece::Append(std::string_view bytes, const Offset* origins) {
  CheckGrowth(bytes.size());
  text_->append(bytes);
  origins_->insert(origins_->end(), origins, origins + bytes.size());
}

void PretokenizedString::Clear(const std::stop_token* stop) {
  stop_ = stop;
  text_.clear();
  origins_.clear();
  pieces_.clear();
  token_spaces_.clear();
}

void PretokenizedString::Append(const NormalizedString& text, ByteRange range) {
  if (range.begin >= range.end) return;
  constexpr size_t kBlockBytes = 1 << 20;  // copied between two questions to stop_
  const size_t begin = text_.size();
  for (size_t from = range.begin; from < range.end; from += kBlockBytes) {
    ThrowIfStopped(stop_);
    const size_t to = std::min(range.end, from + kBlockBytes);
    text_.append(text.text(), from, to - from);
    origins_.insert(origins_.end(), text.origins().begin() + static_cast<ptrdiff_t>(from),
                    text.origins().begin() + static_cast<ptrdiff_t>(to));
  }
  pieces_.push_back({{begin, text_.size()}, std::nullopt});
}

// Not the token's text: tokens that take white space can overlap, and each would copy it.
void PretokenizedString::AppendToken(int32_t id, Offset original, EndSpaces spaces) {
  text_.push_back(' ');
  origins_.push_back(original);
  pieces_.push_back({{text_.size() - 1, text_.size()}, id});
  token_spaces_.push_back(spaces);
}

// normalizer.rs, NormalizedString::split: the same folds over the ranges.
void PretokenizedString::AppendSplits(ByteRange piece, SplitBehavior behavior) {
  const size_t first = new_pieces_.size();
  const auto& ranges = ranges_.all();
  const auto push = [&](const PatternRange& r) {
    ThrowIfStopped(stop_, new_pieces_.size());
    new_pieces_.push_back({{piece.begin + r.range.begin, piece.begin + r.range.end}, std::nullopt});
  };
  const auto is_empty = [](const auto& r) { return r.range.begin == r.range.end; };
  const auto extend = [&](const PatternRange& r) {
    new_pieces_.back().range.end = piece.begin + r.range.end;
  };
  bool previous = false;
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const PatternRange& r : ranges) {
        if (!r.is_match) push(r);
      }
      break;
    case SplitBehavior::kIsolated:
      for (const PatternRange& r : ranges) push(r);
      break;
    case SplitBehavior::kContiguous:
      for (const PatternRange& r : ranges) {
        if (r.is_match == previous && new_pieces_.size() > first) {
          extend(r);
        } else {
          push(r);
        }
        previous = r.is_match;
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      for (const PatternRange& r : ranges) {
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
      for (auto r = ranges.rbegin(); r != ranges.rend(); ++r) {
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
  // A pattern can match nothing, and what is between two matches can be nothing.
  if (std::none_of(ranges.begin(), ranges.end(), is_empty)) return;
  new_pieces_.erase(std::remove_if(new_pieces_.begin() + static_cast<ptrdiff_t>(first),
                                   new_pieces_.end(), is_empty),
                    new_pieces_.end());
}

}  // namespace bge::tokenizer
