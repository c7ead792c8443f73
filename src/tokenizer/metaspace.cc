#include "tokenizer/metaspace.h"

#include "base/error.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {

char32_t CharacterFromJson(const json::Value& json) {
  const std::string_view text = json.AsString();
  if (text.empty() || Utf8Length(text[0]) != text.size()) {
    json.Fail("found '" + Printable(text, 40) + "'", "expected one character");
  }
  const char* p = text.data();
  return DecodeUtf8(p);
}

MetaspaceOptions MetaspaceFromJson(const json::Value& json) {
  MetaspaceOptions options;
  options.replacement = CharacterFromJson(json.At("replacement"));
  const auto scheme = json.Find("prepend_scheme");
  if (scheme) {
    const std::string_view name = scheme->AsString();
    if (name == "first") {
      options.prepend_scheme = PrependScheme::kFirst;
    } else if (name == "never") {
      options.prepend_scheme = PrependScheme::kNever;
    } else if (name != "always") {
      scheme->Fail("found '" + Printable(name, 40) + "'", "expected always, first or never");
    }
  }
  if (const auto prefix = json.FindNonNull("add_prefix_space"); prefix && !prefix->AsBool()) {
    // Parity: without a scheme, which then counts as "always", upstream refuses it too.
    if (options.prepend_scheme != PrependScheme::kNever) {
      prefix->Fail("found false, and a prepend_scheme that says otherwise",
                   "expected prepend_scheme \"never\" beside it");
    }
  }
  if (const auto split = json.FindNonNull("split")) options.split = split->AsBool();
  return options;
}

}  // namespace bge::tokenizer
