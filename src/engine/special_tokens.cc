#include "engine/special_tokens.h"

#include "engine/model_files.h"

#include <optional>
#include <span>

namespace bge {

namespace {

// "cls_token": "<s>", or {"content": "<s>", ...}.
std::optional<std::string> TokenOf(json::Value config, const char* key) {
  const auto value = config.FindNonNull(key);
  if (!value) return std::nullopt;
  return std::string(value->is_object() ? value->At("content").AsString() : value->AsString());
}

// What a token is for, and those of RoBERTa and BERT, which may have none.
struct Purpose {
  const char* key;
  const char* roberta;
  const char* bert;
};

std::vector<std::string> TokensFor(std::span<const Purpose> purposes,
                                   const std::filesystem::path& dir, const Tokenizer& tokenizer) {
  ModelFiles files(dir);
  const auto config = files.Find("tokenizer_config.json");
  const auto map = files.Find("special_tokens_map.json");
  std::vector<std::string> tokens;
  for (const Purpose& purpose : purposes) {
    std::optional<std::string> token;
    for (const auto& file : {config, map}) {
      if (!token && file != nullptr) token = TokenOf(file->root(), purpose.key);
    }
    for (const char* usual : {purpose.roberta, purpose.bert}) {
      if (!token && usual != nullptr && tokenizer.TokenToId(usual)) token = usual;
    }
    if (token) tokens.push_back(*token);
  }
  return tokens;
}

}  // namespace

std::vector<std::string> SpecialTokens(const std::filesystem::path& dir,
                                       const Tokenizer& tokenizer) {
  constexpr Purpose kTokens[] = {{"cls_token", "<s>", "[CLS]"},
                                 {"eos_token", "</s>", nullptr},
                                 {"pad_token", "<pad>", "[PAD]"},
                                 {"unk_token", "<unk>", "[UNK]"}};
  return TokensFor(kTokens, dir, tokenizer);
}

std::optional<std::string> MaskToken(const std::filesystem::path& dir, const Tokenizer& tokenizer) {
  constexpr Purpose kTokens[] = {{"mask_token", "<mask>", "[MASK]"},
                                 {"eos_token", "</s>", nullptr}};
  for (const std::string& token : TokensFor(kTokens, dir, tokenizer)) {
    if (tokenizer.TokenToId(token)) return token;
  }
  return std::nullopt;
}

}  // namespace bge
