#include "engine/special_tokens.h"

#include "engine/model_files.h"

#include <optional>

namespace bge {

namespace {

// "cls_token": "<s>", or {"content": "<s>", ...}.
std::optional<std::string> TokenOf(json::Value config, const char* key) {
  const auto value = config.FindNonNull(key);
  if (!value) return std::nullopt;
  return std::string(value->is_object() ? value->At("content").AsString() : value->AsString());
}

}  // namespace

std::vector<std::string> SpecialTokens(const std::filesystem::path& dir,
                                       const Tokenizer& tokenizer) {
  constexpr struct {
    const char* key;
    const char* roberta;
    const char* bert;
  } kTokens[] = {{"cls_token", "<s>", "[CLS]"},
                 {"eos_token", "</s>", nullptr},
                 {"pad_token", "<pad>", "[PAD]"},
                 {"unk_token", "<unk>", "[UNK]"}};
  ModelFiles files(dir);
  const auto config = files.Find("tokenizer_config.json");
  const auto map = files.Find("special_tokens_map.json");
  std::vector<std::string> tokens;
  for (const auto& row : kTokens) {
    std::optional<std::string> token;
    for (const auto& file : {config, map}) {
      if (!token && file != nullptr) token = TokenOf(file->root(), row.key);
    }
    for (const char* usual : {row.roberta, row.bert}) {
      if (!token && usual != nullptr && tokenizer.TokenToId(usual)) token = usual;
    }
    if (token) tokens.push_back(*token);
  }
  return tokens;
}

}  // namespace bge
