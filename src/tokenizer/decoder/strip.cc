// Strip: takes a character away at the ends of texts, so many times at most.
#include "base/error.h"
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/utf8.h"

#include <limits>

namespace bge::tokenizer {
namespace {

class StripDecoder final : public Decoder {
 public:
  StripDecoder(char32_t content, size_t start, size_t stop) : start_(start), stop_(stop) {
    AppendUtf8(content, &content_);
  }

  void Apply(DecodedTexts* texts) const override {
    for (std::string& text : texts->texts()) {
      size_t begin = 0;
      for (size_t i = 0; i < start_ && text.compare(begin, content_.size(), content_) == 0; ++i) {
        begin += content_.size();
      }
      // Upstream fails where a text has less than both ends take.
      std::string_view rest = std::string_view(text).substr(begin);
      for (size_t i = 0; i < stop_ && rest.ends_with(content_); ++i) {
        rest.remove_suffix(content_.size());
      }
      text = std::string(rest);
    }
  }

 private:
  std::string content_;
  size_t start_, stop_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeStripDecoder(char32_t content, size_t start, size_t stop) {
  return std::make_unique<StripDecoder>(content, start, stop);
}

std::unique_ptr<const Decoder> MakeStripDecoder(const json::Value& json) {
  const json::Value content = json.At("content");
  const std::string_view text = content.AsString();
  if (text.empty() || Utf8Length(text[0]) != text.size()) {
    content.Fail("found '" + Printable(text, 60) + "'", "expected one character");
  }
  const char* p = text.data();
  const auto count = [&](std::string_view key) {
    return static_cast<size_t>(json.At(key).AsIntIn(0, std::numeric_limits<int64_t>::max()));
  };
  return MakeStripDecoder(DecodeUtf8(p), count("start"), count("stop"));
}

}  // namespace bge::tokenizer
