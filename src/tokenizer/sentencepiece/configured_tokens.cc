#include "tokenizer/sentencepiece/configured_tokens.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <limits>

namespace bge::tokenizer {
namespace {

constexpr std::array<std::string_view, 7> kNames = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

bool IsOneOfSeven(std::string_view name) {
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Whether transformers takes an object for a token: where it says so itself.
bool StatesToken(const json::Value& value) {
  const auto type = value.is_object() ? value.FindNonNull("__type") : std::nullopt;
  return type && type->is_string() && type->AsString() == "AddedToken";
}

bool IsTrue(const std::optional<json::Value>& value) {
  return value && (value->is_array() || value->is_object()) && value->size() > 0;
}

}  // namespace

AddedToken SpecialToken(std::string_view content) {
  AddedToken token;
  token.content = content;
  token.special = true;
  token.normalized = false;
  return token;
}

ConfiguredTokens::ConfiguredTokens(const std::filesystem::path& directory,
                                   const DocumentPtr& config, const Defaults& defaults) {
  if (BoolOr(config, "split_special_tokens", false)) {
    Member(config, "split_special_tokens")
        ->Fail("found true", "this build takes special tokens in a text for what they are");
  }
  for (const std::string_view name : kNames) SetNamed(name, std::nullopt);
  for (const auto& [name, content] : defaults) SetNamed(name, SpecialToken(content));
  ReadNamed(config, false);
  ReadExtra(config);
  if (!Member(config, "added_tokens_decoder") && !directory.empty()) {
    const DocumentPtr map = LoadIfPresent(directory / "special_tokens_map.json");
    ReadNamed(map, true);
    if (const auto extra = Member(map, "extra_special_tokens")) ReadExtraOfMap(*extra);
  }
  for (auto& [name, token] : last_named_) SetNamed(name, std::move(token));
  for (const auto& [name, token] : named_) {
    if (token) contents_.insert(token->content);
  }
  ReadNumbered(directory, config);
}

const AddedToken* ConfiguredTokens::Named(std::string_view name) const {
  const auto place = places_.find(std::string(name));
  if (place == places_.end() || !named_[place->second].second) return nullptr;
  return &*named_[place->second].second;
}

void ConfiguredTokens::SetNamed(std::string_view name, std::optional<AddedToken> token) {
  const auto [place, added] = places_.try_emplace(std::string(name), named_.size());
  if (added) named_.emplace_back(name, std::nullopt);
  named_[place->second].second = std::move(token);
}

// Every "..._token". Those that are none of the seven come in the order of the files: first objects
// and what special_tokens_map.json says, and last what tokenizer_config.json says as strings.
void ConfiguredTokens::ReadNamed(const DocumentPtr& document, bool is_map) {
  if (!document) return;
  document->root().ForEachMember([&](std::string_view name, json::Value value) {
    if (!name.ends_with("_token")) return;
    if (IsOneOfSeven(name)) {
      std::optional<AddedToken> token;
      if (!value.is_null()) token = ReadToken(value, true);
      if (token) stated_.insert(token->content);
      SetNamed(name, std::move(token));
    } else if (value.is_string() && !is_map) {
      last_named_.emplace_back(name, SpecialToken(value.AsString()));
    } else if (value.is_string() || StatesToken(value) || (is_map && value.is_object())) {
      SetNamed(name, ReadToken(value, true));
    } else if (value.is_null()) {
      SetNamed(name, std::nullopt);
    }
  });
}

void ConfiguredTokens::ReadExtra(const DocumentPtr& config) {
  if (!config) return;
  auto extra = config->root().Find("extra_special_tokens");
  const auto additional = config->root().Find("additional_special_tokens");
  if (additional && !IsTrue(extra)) extra = additional;
  if (!extra) return;
  if (extra->is_object()) {
    extra->ForEachMember([&](std::string_view name, json::Value token) {
      last_named_.emplace_back(name, ReadToken(token, true));
    });
    return;
  }
  // A null says that there are none.
  extra_.emplace();
  if (extra->is_null()) return;
  for (const json::Value& token : extra->Elements()) {
    extra_->push_back(ReadToken(token, token.is_string()));
  }
}

// A list is added to tokenizer_config.json's, an object replaces it.
void ConfiguredTokens::ReadExtraOfMap(const json::Value& extra) {
  if (extra.is_object()) {
    extra_.reset();
    extra.ForEachMember([&](std::string_view name, json::Value token) {
      last_named_.emplace_back(name, ReadToken(token, true));
    });
    return;
  }
  if (!extra_) extra_.emplace();
  std::unordered_set<std::string> known;
  for (const AddedToken& token : *extra_) {
    if (token == SpecialToken(token.content)) known.insert(token.content);
  }
  for (const json::Value& json : extra.Elements()) {
    const AddedToken token = ReadToken(json, true);
    if (json.is_string() && !known.insert(token.content).second) continue;
    extra_->push_back(token);
  }
}

// added_tokens_decoder {"id": token}, or else added_tokens.json {token: id}.
void ConfiguredTokens::ReadNumbered(const std::filesystem::path& directory,
                                    const DocumentPtr& config) {
  if (const auto decoder = Member(config, "added_tokens_decoder")) {
    decoder->ForEachMember([&](std::string_view id, json::Value json) {
      const AddedToken token = ReadToken(json, false);
      numbered_[ParseId(id, json)] = IsNamed(token.content) ? ReadToken(json, true) : token;
    });
    return;
  }
  const DocumentPtr document =
      directory.empty() ? nullptr : LoadIfPresent(directory / "added_tokens.json");
  if (!document) return;
  std::unordered_set<std::string> stated = stated_;
  if (extra_) {
    for (const AddedToken& token : *extra_) stated.insert(token.content);
  }
  document->root().ForEachMember([&](std::string_view content, json::Value id) {
    AddedToken token;
    token.content = content;
    // Parity: a token that has a name only by its class is special, but looked for as others are.
    token.normalized = !stated.contains(token.content);
    token.special = !token.normalized || IsNamed(token.content);
    numbered_[id.AsIntIn(0, std::numeric_limits<int64_t>::max())] = token;
  });
}

std::vector<AddedToken> ConfiguredTokens::InOrder(
    const std::vector<SentencePieceModel::Piece>& pieces,
    const std::vector<AddedToken>& of_class) const {
  std::vector<AddedToken> tokens;
  std::unordered_map<std::string, size_t> places;
  // Parity: of equal tokens the last one's flags count, so that those which the configuration gives
  // to a named token are lost where the token is among the others too.
  const auto add = [&](const AddedToken& token) {
    const auto [place, added] = places.try_emplace(token.content, tokens.size());
    if (added) {
      tokens.push_back(token);
    } else {
      tokens[place->second] = token;
    }
  };
  for (const auto& [id, token] : numbered_) add(token);
  std::unordered_set<std::string> numbered;
  for (const AddedToken& token : tokens) numbered.insert(token.content);
  const auto add_other = [&](const AddedToken& token) {
    if (!numbered.contains(token.content)) add(token);
  };
  for (const auto& [name, token] : named_) {
    if (token) add_other(*token);
  }
  const auto add_special_if_named = [&](AddedToken token) {
    token.special = token.special || IsNamed(token.content);
    add_other(token);
  };
  if (extra_) {
    for (const AddedToken& token : *extra_) add_special_if_named(token);
    return tokens;
  }
  using PieceType = SentencePieceModel::PieceType;
  for (const auto& piece : pieces) {
    if (piece.type != PieceType::kControl && piece.type != PieceType::kUserDefined) continue;
    AddedToken token = SpecialToken(piece.text);
    token.special = piece.type == PieceType::kControl;
    add_special_if_named(token);
  }
  for (const AddedToken& token : of_class) add_special_if_named(token);
  return tokens;
}

}  // namespace bge::tokenizer
