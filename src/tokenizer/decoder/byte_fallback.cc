// ByteFallback: tokens such as <0xE4> become the text that their bytes are, as far as they are any.
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/utf8.h"

#include <optional>

namespace bge::tokenizer {
namespace {

// Parity: Rust's from_str_radix takes a sign too.
std::optional<char> ByteOf(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  const int high = token[3] == '+' ? 0 : digit(token[3]);
  const int low = digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high << 4 | low);
}

class ByteFallback final : public Decoder {
 public:
  void Apply(DecodedTexts* texts) const override {
    std::vector<std::string> result;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (ValidUtf8Prefix(bytes) == bytes.size()) {
        result.push_back(bytes);
      } else {
        // Each byte, though some of them may be whole characters.
        result.insert(result.end(), bytes.size(), "\uFFFD");
      }
      bytes.clear();
    };
    for (std::string& text : texts->texts()) {
      if (const auto byte = ByteOf(text)) {
        bytes += *byte;
        continue;
      }
      flush();
      result.push_back(std::move(text));
    }
    flush();
    texts->texts().swap(result);
  }
};

}  // namespace

std::unique_ptr<const Decoder> MakeByteFallbackDecoder() {
  return std::make_unique<ByteFallback>();
}

}  // namespace bge::tokenizer
