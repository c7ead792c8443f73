// Steps that several decoders share.
#include "base/error.h"
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {

DecodedTexts::DecodedTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {
  for (const std::string& text : texts_) first_bytes_ += text.size();
}

void DecodedTexts::CheckGrowth(size_t bytes) const {
  constexpr size_t kMostGrowth = 64;
  constexpr size_t kAlwaysAllowed = 1 << 20;
  if (bytes > kAlwaysAllowed && (bytes - kAlwaysAllowed) / kMostGrowth >= first_bytes_) {
    Fail(ErrorCode::kUnsupported,
         "decoding makes " + std::to_string(first_bytes_) +
             " bytes of tokens more than 64 times as long",
         "tokenizer.json: field decoder", "expected Replace with short strings");
  }
}

std::string Decoder::Decode(std::vector<std::string> tokens) const {
  DecodedTexts decoded(std::move(tokens));
  Apply(&decoded);
  if (decoded.texts().size() == 1) return std::move(decoded.texts()[0]);
  std::string text;
  for (const std::string& part : decoded.texts()) text += part;
  return text;
}

void ReplaceAll(std::string_view from, std::string_view to, std::string* text) {
  std::string result;
  size_t at = 0;
  if (from.empty()) {
    while (at < text->size()) {
      const size_t next = at + Utf8Length((*text)[at]);
      result.append(to).append(*text, at, next - at);
      at = next;
    }
    result.append(to);
    text->swap(result);
    return;
  }
  size_t found = text->find(from);
  if (found == std::string::npos) return;
  for (; found != std::string::npos; found = text->find(from, at)) {
    result.append(*text, at, found - at).append(to);
    at = found + from.size();
  }
  result.append(*text, at);
  text->swap(result);
}

// Parity: token by token and in this order, so that only what lies within one token is tidied.
void CleanUpEnglish(std::string* text) {
  constexpr std::string_view kReplacements[][2] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : kReplacements) ReplaceAll(from, to, text);
}

}  // namespace bge::tokenizer
