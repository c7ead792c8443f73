#include "tokenizer/sentencepiece/bpe_classes.h"

#include "tokenizer/normalizer/precompiled.h"
#include "tokenizer/sentencepiece/configured_tokens.h"
#include "tokenizer/sentencepiece_bpe.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace bge::tokenizer {
namespace {

using Class = SentencePieceClass;
using Defaults = ConfiguredTokens::Defaults;

const std::array<std::pair<std::string_view, std::string_view>, 5> kFillTokens = {
    {{"prefix_token", "▁<PRE>"},
     {"middle_token", "▁<MID>"},
     {"suffix_token", "▁<SUF>"},
     {"eot_token", "▁<EOT>"},
     {"fill_token", "<FILL_ME>"}}};

Defaults DefaultsOf(Class value, const SentencePieceModel& model) {
  switch (value) {
    case Class::kGemma:
      return {{"unk_token", "<unk>"},
              {"bos_token", "<bos>"},
              {"eos_token", "<eos>"},
              {"pad_token", "<pad>"},
              {"mask_token", "<mask>"}};
    case Class::kLlama:
    case Class::kCodeLlama: {
      Defaults defaults = {{"unk_token", "<unk>"}, {"bos_token", "<s>"}, {"eos_token", "</s>"}};
      if (value == Class::kCodeLlama) {
        defaults.insert(defaults.end(), kFillTokens.begin(), kFillTokens.end());
      }
      return defaults;
    }
    default:
      break;
  }
  Defaults defaults;
  const auto add = [&](std::string_view name, int32_t id, std::string_view piece,
                       std::string_view otherwise) {
    if (id >= 0) defaults.emplace_back(name, piece.empty() ? otherwise : piece);
  };
  add("bos_token", model.bos_id, model.bos_piece, "<s>");
  add("eos_token", model.eos_id, model.eos_piece, "</s>");
  add("unk_token", model.unk_id, model.unk_piece, "<unk>");
  return defaults;
}

// A member that is there and null is false, as in Python.
bool Flag(const DocumentPtr& config, std::string_view key, bool otherwise) {
  const auto value = config ? config->root().Find(key) : std::nullopt;
  if (!value) return otherwise;
  return !value->is_null() && value->AsBool();
}

SentencePieceBpeOptions OptionsOf(Class value, const SentencePieceModel& model,
                                  const ConfiguredTokens& tokens, const DocumentPtr& config,
                                  const std::string& where) {
  SentencePieceBpeOptions options;
  const AddedToken* unk = tokens.Named("unk_token");
  // Parity: Python writes its null so, and then no piece is it.
  const std::string unk_of_class = unk != nullptr ? unk->content : "None";
  const bool add_prefix_space = BoolOr(config, "add_prefix_space", true);
  const PrependScheme prefix = Flag(config, "legacy", false) && value == Class::kLlama
                                   ? PrependScheme::kAlways
                                   : PrependScheme::kFirst;
  switch (value) {
    case Class::kLlama:
      options.marks = add_prefix_space ? prefix : PrependScheme::kNever;
      options.strip_decoded = add_prefix_space;
      break;
    case Class::kCodeLlama:
      options.unk_token = unk_of_class;
      options.marks = add_prefix_space ? prefix : PrependScheme::kNever;
      break;
    case Class::kGemma:
      // Its pre-tokenizer cuts at spaces, of which the normalizer leaves none.
      options.unk_token = unk_of_class;
      options.marks.reset();
      options.strip_decoded = false;
      break;
    default:
      // Parity: add_dummy_prefix and remove_extra_whitespaces are as if unset, whatever the file
      // says.
      options.unk_token = model.unk_piece;
      options.byte_fallback = model.byte_fallback;
      options.marks.reset();
      options.strip_decoded = false;
      if (!model.precompiled_charsmap.empty()) {
        options.charsmap = MakePrecompiled(model.precompiled_charsmap,
                                           where + ": field normalizer_spec.precompiled_charsmap");
      }
      break;
  }
  return options;
}

// TokenizersBackend gives ids of the file the names that added_tokens_decoder has for them, but
// makes merges of the names that the file has.
std::vector<std::string_view> RenamedPieces(const SentencePieceModel& model,
                                            const ConfiguredTokens& tokens) {
  std::vector<std::string_view> texts;
  texts.reserve(model.pieces.size());
  for (const auto& piece : model.pieces) texts.push_back(piece.text);
  std::unordered_set<std::string_view> known(texts.begin(), texts.end());
  for (const auto& [id, token] : tokens.numbered()) {
    if (id >= std::ssize(texts) || known.contains(token.content)) continue;
    std::string_view& text = texts[static_cast<size_t>(id)];
    if (text.empty()) continue;
    known.erase(text);
    known.insert(token.content);
    text = token.content;
  }
  return texts;
}

// CodeLlamaTokenizer's own tokens, as they are among the additional ones.
std::vector<AddedToken> FillTokens(const ConfiguredTokens& tokens, const DocumentPtr& config) {
  std::vector<AddedToken> result;
  for (const auto& [name, content] : kFillTokens) {
    // Parity: a string in tokenizer_config.json is a token beside the class's.
    const auto stated = Member(config, name);
    if (stated && stated->is_string()) {
      result.push_back(SpecialToken(content));
    } else if (const AddedToken* token = tokens.Named(name)) {
      result.push_back(*token);
    }
  }
  return result;
}

std::unique_ptr<const PostProcessor> TemplateOf(std::optional<int32_t> bos,
                                                std::optional<int32_t> eos) {
  using Kind = TemplateStep::Kind;
  const auto around = [&](Kind kind, int32_t type_id, std::vector<TemplateStep>* steps) {
    if (bos) steps->push_back({Kind::kToken, *bos, type_id});
    steps->push_back({kind, 0, type_id});
    if (eos) steps->push_back({Kind::kToken, *eos, type_id});
  };
  std::vector<TemplateStep> single;
  around(Kind::kFirst, 0, &single);
  std::vector<TemplateStep> pair = single;
  around(Kind::kSecond, 1, &pair);
  return MakeTemplateProcessing(single, pair);
}

}  // namespace

Tokenizer::Impl::Stages StagesOfBpeClass(const SentencePieceModel& model, Class value,
                                         const std::filesystem::path& directory,
                                         const DocumentPtr& config, const std::string& where) {
  const ConfiguredTokens tokens(directory, config, DefaultsOf(value, model));
  SentencePieceBpeOptions options = OptionsOf(value, model, tokens, config, where);
  if (value == Class::kPlain) options.texts = RenamedPieces(model, tokens);
  std::vector<SentencePiecePiece> pieces;
  pieces.reserve(model.pieces.size());
  for (const auto& piece : model.pieces) {
    pieces.push_back({piece.text, piece.score, static_cast<int>(piece.type)});
  }
  Tokenizer::Impl::Stages stages =
      StagesFromSentencePieceBpe(pieces, std::move(options), where + ": field pieces");
  stages.added_tokens =
      tokens.InOrder(model.pieces, value == Class::kCodeLlama ? FillTokens(tokens, config)
                                                              : std::vector<AddedToken>());

  AddedVocabulary added;
  added.Add(stages.added_tokens, *stages.model, nullptr);
  const auto id_of = [&](std::string_view name, bool is_added) -> std::optional<int32_t> {
    const AddedToken* token = is_added ? tokens.Named(name) : nullptr;
    return token != nullptr ? added.TokenToId(token->content) : std::nullopt;
  };
  stages.post_processor =
      TemplateOf(id_of("bos_token", Flag(config, "add_bos_token", value == Class::kCodeLlama)),
                 id_of("eos_token", Flag(config, "add_eos_token", false)));
  stages.truncation_direction = DirectionFromConfig(config, TruncationDirection::kRight);
  return stages;
}

}  // namespace bge::tokenizer
