#include "tokenizer/directory_config.h"

#include "base/error.h"
#include "tokenizer/load.h"

#include <charconv>
#include <string>

namespace bge::tokenizer {

DocumentPtr LoadIfPresent(const std::filesystem::path& path) {
  if (!HasEntry(path)) return nullptr;
  DocumentPtr document = json::Document::Load(path.string());
  if (!document->root().is_object()) {
    document->root().Fail("found " + std::string(json::TypeName(document->root().type())),
                          "expected an object");
  }
  return document;
}

std::optional<json::Value> Member(const DocumentPtr& document, std::string_view key) {
  return document ? document->root().FindNonNull(key) : std::nullopt;
}

bool BoolOr(const DocumentPtr& document, std::string_view key, bool otherwise) {
  const auto value = Member(document, key);
  return value ? value->AsBool() : otherwise;
}

TruncationDirection DirectionFromConfig(const DocumentPtr& config, TruncationDirection otherwise) {
  const auto side = Member(config, "truncation_side");
  if (!side) return otherwise;
  if (side->AsString() == "left") return TruncationDirection::kLeft;
  if (side->AsString() == "right") return TruncationDirection::kRight;
  side->Fail("found '" + Printable(side->AsString(), 60) + "'", "expected \"left\" or \"right\"");
}

AddedToken ReadToken(const json::Value& json, bool special) {
  AddedToken token;
  token.special = special;
  token.normalized = !special;
  if (json.is_string()) {
    token.content = json.AsString();
    return token;
  }
  token.content = json.At("content").AsString();
  const auto flag = [&](std::string_view key, bool* value) {
    if (const auto member = json.FindNonNull(key)) *value = member->AsBool();
  };
  if (!special) {
    flag("special", &token.special);
    token.normalized = !token.special;
  }
  flag("single_word", &token.single_word);
  flag("lstrip", &token.lstrip);
  flag("rstrip", &token.rstrip);
  flag("normalized", &token.normalized);
  return token;
}

int64_t ParseId(std::string_view text, const json::Value& where) {
  int64_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) {
    where.Fail("found '" + Printable(text, 40) + "'", "expected a token id");
  }
  return id;
}

}  // namespace bge::tokenizer
