// WordPiece decoder: joins continuing pieces, puts spaces between words, tidies English
// punctuation.
#include "tokenizer/decoder/decoder.h"

namespace bge::tokenizer {
namespace {

void ReplaceAll(std::string_view from, std::string_view to, std::string* text) {
  if (text->find(from) == std::string::npos) return;
  std::string result;
  size_t at = 0;
  for (size_t found; (found = text->find(from, at)) != std::string::npos;
       at = found + from.size()) {
    result.append(*text, at, found - at).append(to);
  }
  result.append(*text, at);
  text->swap(result);
}

// Parity: token by token and in this order, so that only what lies within one token is tidied.
void CleanUp(std::string* token) {
  constexpr std::string_view kReplacements[][2] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : kReplacements) ReplaceAll(from, to, token);
}

class WordPieceDecoder final : public Decoder {
 public:
  WordPieceDecoder(std::string_view prefix, bool cleanup) : prefix_(prefix), cleanup_(cleanup) {}

  std::string Decode(const std::vector<std::string_view>& tokens) const override {
    std::string text;
    std::string token;
    for (size_t i = 0; i < tokens.size(); ++i) {
      token.clear();
      if (i == 0) {
        token = tokens[i];
      } else if (tokens[i].starts_with(prefix_)) {
        token = tokens[i].substr(prefix_.size());
      } else {
        token.append(" ").append(tokens[i]);
      }
      if (cleanup_) CleanUp(&token);
      text += token;
    }
    return text;
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeWordPieceDecoder(std::string_view prefix, bool cleanup) {
  return std::make_unique<WordPieceDecoder>(prefix, cleanup);
}

std::unique_ptr<const Decoder> MakeWordPieceDecoder(const json::Value& json) {
  return MakeWordPieceDecoder(json.At("prefix").AsString(), json.At("cleanup").AsBool());
}

}  // namespace bge::tokenizer
