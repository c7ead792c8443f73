// A normalised text being cut into pieces, some of which are tokens already (added tokens).
#ifndef BGE_TOKENIZER_PRETOKENIZED_STRING_H_
#define BGE_TOKENIZER_PRETOKENIZED_STRING_H_

#include "bge/tokenizer.h"

#include "base/stop.h"
#include "tokenizer/end_spaces.h"
#include "tokenizer/normalized_string.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// Half-open range of bytes.
struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
};

/// What becomes of the places where a text is cut; the names are tokenizer.json's.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// A range that a pattern matched, or one between matches.
struct PatternRange {
  ByteRange range;
  bool is_match;
};

/// The ranges that cover a piece, in order.
class PatternRanges {
 public:
  /// Error(kCancelled) when the stop token of the text asks.
  void Add(ByteRange range, bool is_match) {
    ThrowIfStopped(stop_, ranges_.size());
    ranges_.push_back({range, is_match});
  }
  const std::vector<PatternRange>& all() const { return ranges_; }
  const std::stop_token* stop() const { return stop_; }

  // For PretokenizedString.
  void Clear(const std::stop_token* stop) {
    stop_ = stop;
    ranges_.clear();
  }

 private:
  const std::stop_token* stop_ = nullptr;
  std::vector<PatternRange> ranges_;
};

/// What a piece becomes: its bytes, and the original characters that each stands for. It can become
/// several.
class RewrittenPiece {
 public:
  /// Error(kCancelled) when the stop token of the text asks; Error(kUnsupported) where the pieces
  /// grow to more than 64 times the text, and 1 MiB.
  void Append(std::string_view bytes, Offset origin);
  /// The same where byte i has the origin origins[i].
  void Append(std::string_view bytes, const Offset* origins);
  /// Here a piece ends, and what is appended from here on is another.
  void Cut() { cuts_->push_back(text_->size()); }

  const std::stop_token* stop() const { return stop_; }

 private:
  friend class PretokenizedString;
  RewrittenPiece(std::string* text, std::vector<Offset>* origins, std::vector<size_t>* cuts,
                 const std::stop_token* stop, size_t most)
      : text_(text), origins_(origins), cuts_(cuts), stop_(stop), most_(most) {}
  void CheckGrowth(size_t bytes) const;

  std::string* text_;
  std::vector<Offset>* origins_;
  std::vector<size_t>* cuts_;
  const std::stop_token* stop_;
  size_t most_;  // bytes
};

/// Pieces of one text, in order. Single thread.
class PretokenizedString {
 public:
  struct Piece {
    ByteRange range;                  // of text()
    std::optional<int32_t> token_id;  // an added token: one byte of text(), not cut further
  };

  /// All that follows ends with Error(kCancelled) when `stop` asks; it may be null and must last
  /// as long.
  void Clear(const std::stop_token* stop);
  /// Puts a piece behind the others. Pieces without characters are left out.
  void Append(const NormalizedString& text, ByteRange range);
  /// The same for an added token that stands for `original`, whose text has white space at its
  /// ends.
  void AppendToken(int32_t id, Offset original, EndSpaces spaces);

  /// Cuts every piece that is no token. f(std::string_view piece, PatternRanges* ranges) covers the
  /// piece with ranges relative to its start; `behavior` says what becomes of the matches.
  template <typename F>
  void Split(SplitBehavior behavior, F&& f);

  /// Changes the text of every piece that is no token. f(std::string_view piece, const Offset*
  /// origins, RewrittenPiece* to), where origins[i] is that of byte i, appends what takes its
  /// place; pieces of nothing are left out.
  template <typename F>
  void Rewrite(F&& f);

  const std::vector<Piece>& pieces() const { return pieces_; }
  /// Of the tokens among the pieces, in their order.
  const std::vector<EndSpaces>& token_spaces() const { return token_spaces_; }
  std::string_view View(ByteRange range) const {
    return std::string_view(text_).substr(range.begin, range.end - range.begin);
  }
  /// Original characters of a range that is not empty.
  Offset Original(ByteRange range) const {
    return {origins_[range.begin].begin, origins_[range.end - 1].end};
  }

 private:
  void AppendSplits(ByteRange piece, SplitBehavior behavior);
  size_t MostRewritten() const { return (text_.size() << 6) + (1 << 20); }

  const std::stop_token* stop_ = nullptr;
  std::string text_;
  std::vector<Offset> origins_;  // of each byte of text_
  std::vector<Piece> pieces_;
  std::vector<EndSpaces> token_spaces_;
  std::vector<Piece> new_pieces_;  // scratch
  std::string new_text_;
  std::vector<Offset> new_origins_;
  std::vector<size_t> cuts_;
  PatternRanges ranges_;  // scratch
};

template <typename F>
void PretokenizedString::Split(SplitBehavior behavior, F&& f) {
  new_pieces_.clear();
  for (const Piece& piece : pieces_) {
    ThrowIfStopped(stop_);
    if (piece.token_id) {
      new_pieces_.push_back(piece);
      continue;
    }
    ranges_.Clear(stop_);
    f(View(piece.range), &ranges_);
    AppendSplits(piece.range, behavior);
  }
  pieces_.swap(new_pieces_);
}

template <typename F>
void PretokenizedString::Rewrite(F&& f) {
  new_pieces_.clear();
  new_text_.clear();
  new_origins_.clear();
  RewrittenPiece to(&new_text_, &new_origins_, &cuts_, stop_, MostRewritten());
  for (const Piece& piece : pieces_) {
    ThrowIfStopped(stop_);
    size_t begin = new_text_.size();
    if (piece.token_id) {
      new_text_.push_back(text_[piece.range.begin]);
      new_origins_.push_back(origins_[piece.range.begin]);
      new_pieces_.push_back({{begin, new_text_.size()}, piece.token_id});
      continue;
    }
    cuts_.clear();
    f(View(piece.range), origins_.data() + piece.range.begin, &to);
    to.Cut();
    for (const size_t end : cuts_) {
      if (begin < end) new_pieces_.push_back({{begin, end}, std::nullopt});
      begin = end;
    }
  }
  pieces_.swap(new_pieces_);
  text_.swap(new_text_);
  origins_.swap(new_origins_);
}

/// Ranges of `text` where matches(char32_t) is true, one for each character, and those between
/// them.
template <typename Matches>
void MatchCharacters(std::string_view text, Matches&& matches, PatternRanges* ranges) {
  const char* p = text.data();
  const char* const end = p + text.size();
  size_t last = 0;
  while (p < end) {
    const auto begin = static_cast<size_t>(p - text.data());
    const bool is_match = matches(DecodeUtf8(p));
    if (!is_match) continue;
    const auto next = static_cast<size_t>(p - text.data());
    if (last < begin) ranges->Add({last, begin}, false);
    ranges->Add({begin, next}, true);
    last = next;
  }
  if (last < text.size()) ranges->Add({last, text.size()}, false);
}

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_PRETOKENIZED_STRING_H_
