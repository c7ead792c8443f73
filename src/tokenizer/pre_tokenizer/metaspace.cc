// Metaspace: spaces become a character that can be seen, and words begin with it.
#include "tokenizer/metaspace.h"

#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {
namespace {

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(const MetaspaceOptions& options) : options_(options) {
    AppendUtf8(options.replacement, &replacement_);
  }

  void PreTokenize(PretokenizedString* text) const override {
    text->Rewrite([&](std::string_view piece, const Offset* origins, RewrittenPiece* to) {
      const bool marked = piece.starts_with(' ') || piece.starts_with(replacement_);
      if (!marked && Prepends(origins[0])) to->Append(replacement_, origins[0]);
      for (size_t i = 0; i < piece.size(); ++i) {
        to->Append(piece[i] == ' ' ? std::string_view(replacement_) : piece.substr(i, 1),
                   origins[i]);
      }
    });
    if (!options_.split) return;
    text->Split(SplitBehavior::kMergedWithNext, [&](auto piece, auto* ranges) {
      MatchCharacters(
          piece, [&](char32_t c) { return c == options_.replacement; }, ranges);
    });
  }

  std::optional<MetaspaceOptions> AsMetaspace() const override { return options_; }

 private:
  bool Prepends(const Offset& first) const {
    switch (options_.prepend_scheme) {
      case PrependScheme::kAlways:
        return true;
      case PrependScheme::kFirst:
        return first.begin == 0;
      case PrependScheme::kNever:
        return false;
    }
    return false;
  }

  MetaspaceOptions options_;
  std::string replacement_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakeMetaspace(const MetaspaceOptions& options) {
  return std::make_unique<Metaspace>(options);
}

std::unique_ptr<const PreTokenizer> MakeMetaspace(const json::Value& json) {
  return MakeMetaspace(MetaspaceFromJson(json));
}

}  // namespace bge::tokenizer
