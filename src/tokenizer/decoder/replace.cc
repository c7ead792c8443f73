// Replace: every match of a string or a regular expression in a text, by a string.
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/pattern.h"

namespace bge::tokenizer {
namespace {

class ReplaceDecoder final : public Decoder {
 public:
  ReplaceDecoder(Pattern pattern, std::string_view content)
      : pattern_(std::move(pattern)), content_(content) {}

  void Apply(DecodedTexts* texts) const override {
    std::string result;
    size_t bytes = 0;
    for (std::string& text : texts->texts()) {
      result.clear();
      size_t done = 0;
      pattern_.ForEachMatch(text, nullptr, [&](const ByteRange& match) {
        result.append(text, done, match.begin - done).append(content_);
        texts->CheckGrowth(bytes + result.size());
        done = match.end;
      });
      result.append(text, done);
      bytes += result.size();
      text.assign(result);
    }
  }

 private:
  Pattern pattern_;
  std::string content_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeReplaceDecoder(std::string_view pattern,
                                                  std::string_view content) {
  return std::make_unique<ReplaceDecoder>(Pattern(std::string(pattern)), content);
}

std::unique_ptr<const Decoder> MakeReplaceDecoder(const json::Value& json) {
  return std::make_unique<ReplaceDecoder>(Pattern(json.At("pattern")),
                                          json.At("content").AsString());
}

}  // namespace bge::tokenizer
