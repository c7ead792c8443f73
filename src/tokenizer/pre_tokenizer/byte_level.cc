// ByteLevel: GPT-2's words, and a visible character for each of their bytes.
#include "tokenizer/byte_level.h"

#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/word_scanner.h"

namespace bge::tokenizer {
namespace {

// Appends the characters of `text`; runs of those that stand for themselves at once.
void AppendByteLevel(std::string_view text, const Offset* origins, RewrittenPiece* to) {
  const auto is_itself = [](char c) { return c > ' ' && c < '\x7F'; };
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && is_itself(text[end])) ++end;
    if (begin < end) to->Append(text.substr(begin, end - begin), origins + begin);
    if (end < text.size()) {
      to->Append(ByteLevelUtf8(static_cast<uint8_t>(text[end])), origins[end]);
      ++end;
    }
    begin = end;
  }
}

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}

  void PreTokenize(PretokenizedString* text) const override {
    if (add_prefix_space_) {
      text->Rewrite([](std::string_view piece, const Offset* origins, RewrittenPiece* to) {
        if (!piece.starts_with(' ')) to->Append(" ", origins[0]);
        to->Append(piece, origins);
      });
    }
    text->Rewrite([this](std::string_view piece, const Offset* origins, RewrittenPiece* to) {
      for (size_t begin = 0; begin < piece.size();) {
        const size_t end = use_regex_ ? ScanGpt2Word(piece, begin) : piece.size();
        const std::string_view word = piece.substr(begin, end - begin);
        AppendByteLevel(word, origins + begin, to);
        // Parity: a word that stands for nothing of the text is found nowhere in it, and stays.
        if (origins[begin].begin == origins[end - 1].end) to->Append(word, origins + begin);
        to->Cut();
        begin = end;
      }
    });
  }

 private:
  bool add_prefix_space_, use_regex_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeByteLevel(const json::Value& json) {
  json.At("trim_offsets").AsBool();  // for the post-processor of the same fields
  const auto use_regex = json.Find("use_regex");
  return std::make_unique<ByteLevel>(json.At("add_prefix_space").AsBool(),
                                     !use_regex || use_regex->AsBool());
}

}  // namespace bge::tokenizer
