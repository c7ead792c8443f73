// UnicodeScripts: cuts where the script changes; Hiragana and Katakana count as Han.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/segmentation.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {
namespace {

// Parity: what comes in front of the first character that has a script is gone.
void MatchScripts(std::string_view text, PatternRanges* ranges) {
  uint8_t last = 0;
  size_t begin = text.size();  // of the present run
  for (const char* p = text.data(); p < text.data() + text.size();) {
    const auto at = static_cast<size_t>(p - text.data());
    const uint8_t script = ScriptOf(DecodeUtf8(p));
    if (script == 0 || script == last) continue;
    if (begin < at) ranges->Add({begin, at}, false);
    begin = at;
    last = script;
  }
  if (begin < text.size()) ranges->Add({begin, text.size()}, false);
}

class UnicodeScripts final : public PreTokenizer {
 public:
  void PreTokenize(PretokenizedString* text) const override {
    text->Split(SplitBehavior::kRemoved,
                [](auto piece, auto* ranges) { MatchScripts(piece, ranges); });
  }
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeUnicodeScripts() {
  return std::make_unique<UnicodeScripts>();
}

}  // namespace bge::tokenizer
