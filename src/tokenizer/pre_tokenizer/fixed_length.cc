// FixedLength: pieces of so many characters each.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/utf8.h"

#include <limits>

namespace bge::tokenizer {
namespace {

constexpr int64_t kDefaultLength = 5;

class FixedLength final : public PreTokenizer {
 public:
  explicit FixedLength(int64_t length) : length_(length) {}

  void PreTokenize(PretokenizedString* text) const override {
    text->Split(SplitBehavior::kIsolated, [&](std::string_view piece, PatternRanges* ranges) {
      size_t begin = 0;
      int64_t characters = 0;
      for (size_t at = 0; at < piece.size(); at += Utf8Length(piece[at])) {
        if (characters++ < length_) continue;
        ranges->Add({begin, at}, true);
        begin = at;
        characters = 1;
      }
      if (begin < piece.size()) ranges->Add({begin, piece.size()}, true);
    });
  }

 private:
  int64_t length_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeFixedLength(const json::Value& json) {
  const auto length = json.Find("length");
  return std::make_unique<FixedLength>(
      length ? length->AsIntIn(1, std::numeric_limits<int64_t>::max()) : kDefaultLength);
}

}  // namespace bge::tokenizer
