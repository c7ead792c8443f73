// BertNormalizer: clean the text, set Chinese characters apart, strip accents, lower-case, in this
// order.
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/normalizer/unicode_forms.h"
#include "tokenizer/unicode.h"

namespace bge::tokenizer {
namespace {

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options) : options_(options) {}

  void Normalize(NormalizedString* text) const override {
    if (options_.clean_text) {
      text->Filter([](char32_t c) { return !HasFlag(c, kControl); });
      text->Map([](char32_t c) { return HasFlag(c, kWhitespace) ? U' ' : c; });
    }
    if (options_.handle_chinese_chars) SetChineseApart(text);
    if (options_.strips_accents()) {
      ToNfd(text);
      text->Filter([](char32_t c) { return !HasFlag(c, kNonspacing); });
    }
    if (options_.lowercase) text->MapToMany(&ToLower);
  }

  std::optional<BertNormalizerOptions> AsBert() const override { return options_; }

 private:
  static void SetChineseApart(NormalizedString* text) {
    std::vector<CharacterChange> changes;
    changes.reserve(text->text().size());
    text->ForEach([&](char32_t c) {
      if (HasFlag(c, kChinese)) {
        changes.insert(changes.end(), {{U' ', 0}, {c, 1}, {U' ', 1}});
      } else {
        changes.push_back({c, 0});
      }
    });
    text->Transform(changes, 0);
  }

  BertNormalizerOptions options_;
};

}  // namespace

std::unique_ptr<const Normalizer> MakeBertNormalizer(const BertNormalizerOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

std::unique_ptr<const Normalizer> MakeBertNormalizer(const json::Value& json) {
  BertNormalizerOptions options;
  options.clean_text = json.At("clean_text").AsBool();
  options.handle_chinese_chars = json.At("handle_chinese_chars").AsBool();
  if (const auto strip_accents = json.FindNonNull("strip_accents")) {
    options.strip_accents = strip_accents->AsBool();
  }
  options.lowercase = json.At("lowercase").AsBool();
  return MakeBertNormalizer(options);
}

}  // namespace bge::tokenizer
