// Whitespace: the matches of the regular expression \w+|[^\w\s]+.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/unicode.h"

namespace bge::tokenizer {
namespace {

enum class Kind { kSpace, kWord, kOther };

Kind KindOf(char32_t c) {
  const uint8_t flags = CodePointFlags(c);
  if (flags & kWord) return Kind::kWord;
  return flags & kWhitespace ? Kind::kSpace : Kind::kOther;
}

void MatchRuns(std::string_view text, PatternRanges* ranges) {
  const char* p = text.data();
  const char* const end = p + text.size();
  size_t begin = 0;
  Kind kind = Kind::kSpace;
  const auto finish = [&](size_t at) {
    if (begin < at) ranges->Add({begin, at}, kind == Kind::kSpace);
    begin = at;
  };
  while (p < end) {
    const auto at = static_cast<size_t>(p - text.data());
    const Kind next = KindOf(DecodeUtf8(p));
    if (next != kind) finish(at);
    kind = next;
  }
  finish(text.size());
}

class Whitespace final : public PreTokenizer {
 public:
  void PreTokenize(PretokenizedString* text) const override {
    text->Split(SplitBehavior::kRemoved,
                [](auto piece, auto* ranges) { MatchRuns(piece, ranges); });
  }
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeWhitespace() { return std::make_unique<Whitespace>(); }

}  // namespace bge::tokenizer
