// Metaspace decoder: the character that can be seen becomes a space again, but for those of the
// first token.
#include "tokenizer/metaspace.h"

#include "tokenizer/decoder/decoder.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {
namespace {

class MetaspaceDecoder final : public Decoder {
 public:
  explicit MetaspaceDecoder(const MetaspaceOptions& options)
      : keeps_first_(options.prepend_scheme == PrependScheme::kNever) {
    AppendUtf8(options.replacement, &replacement_);
  }

  std::string Decode(const std::vector<std::string_view>& tokens) const override {
    std::string text;
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::string_view rest = tokens[i];
      for (size_t found; (found = rest.find(replacement_)) != std::string_view::npos;
           rest.remove_prefix(found + replacement_.size())) {
        text.append(rest.substr(0, found));
        if (i > 0 || keeps_first_) text += ' ';
      }
      text.append(rest);
    }
    return text;
  }

 private:
  std::string replacement_;
  bool keeps_first_;
};

}  // namespace

std::unique_ptr<const Decoder> MakeMetaspaceDecoder(const MetaspaceOptions& options) {
  return std::make_unique<MetaspaceDecoder>(options);
}

std::unique_ptr<const Decoder> MakeMetaspaceDecoder(const json::Value& json) {
  return MakeMetaspaceDecoder(MetaspaceFromJson(json));
}

}  // namespace bge::tokenizer
