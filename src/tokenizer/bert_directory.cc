#include "tokenizer/bert_directory.h"

#include "base/error.h"
#include "base/file.h"
#include "tokenizer/directory_config.h"
#include "tokenizer/load.h"
#include "tokenizer/model/wordpiece.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string>
#include <unordered_set>

namespace bge::tokenizer {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostVocabBytes = 1u << 30;

BertNormalizerOptions OptionsFromConfig(const DocumentPtr& config) {
  BertNormalizerOptions options;
  options.lowercase = BoolOr(config, "do_lower_case", true);
  options.handle_chinese_chars = BoolOr(config, "tokenize_chinese_chars", true);
  if (const auto strip_accents = Member(config, "strip_accents")) {
    options.strip_accents = strip_accents->AsBool();
  }
  return options;
}

std::string_view WithoutSpaceAtEnd(std::string_view line) {
  while (!line.empty()) {
    size_t i = line.size() - 1;
    while (i > 0 && IsUtf8Continuation(line[i])) --i;
    const char* p = line.data() + i;
    if (!HasFlag(DecodeUtf8(p), kWhitespace)) break;
    line = line.substr(0, i);
  }
  return line;
}

std::unique_ptr<const Model> ReadVocabTxt(const fs::path& path, std::string unk_token) {
  const std::string text = ReadFile(path, kMostVocabBytes);
  if (const size_t valid = ValidUtf8Prefix(text); valid < text.size()) {
    Fail(ErrorCode::kCorruptData, "not UTF-8", path.string() + ": byte " + std::to_string(valid),
         "expected one token a line in UTF-8");
  }
  std::vector<std::string_view> tokens;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    tokens.push_back(WithoutSpaceAtEnd(std::string_view(text).substr(begin, end - begin)));
    begin = end + 1;
  }
  if (tokens.empty()) {
    Fail(ErrorCode::kCorruptData, "the vocabulary is empty", path.string(),
         "expected one token a line");
  }
  WordPieceOptions options;
  options.unk_token = std::move(unk_token);
  return std::make_unique<WordPiece>(Vocabulary::FromTokens(tokens, path.string()),
                                     std::move(options), path.string());
}

// A class of transformers with WordPiece, and its special tokens where no file names others: unk,
// sep, pad, cls, mask, and bos and eos, which come first where there are any.
struct TokenizerClass {
  std::array<std::string_view, 7> defaults;
  bool is_mpnet;  // <s> a </s></s> b </s>, and the mask takes the space in front of it
};

constexpr TokenizerClass kBertClass = {{"", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"},
                                       false};
constexpr TokenizerClass kMpnetClass = {{"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"},
                                        true};

// The special tokens of a class by name, and all added tokens in the order in which transformers
// adds them.
class ConfiguredTokens {
 public:
  ConfiguredTokens(const TokenizerClass& tokenizer_class, const fs::path& directory,
                   const DocumentPtr& config)
      : special_map_(Member(config, "added_tokens_decoder")
                         ? nullptr
                         : LoadIfPresent(directory / "special_tokens_map.json")) {
    for (size_t i = 0; i < kNames.size(); ++i) {
      const std::string_view usual = tokenizer_class.defaults[i];
      if (usual.empty()) continue;
      const bool takes_space = tokenizer_class.is_mpnet && kNames[i] == "mask";
      AddedToken& token = named_[kNames[i]];
      token = AddedToken{std::string(usual), false, takes_space, false, false, true};
      const std::string key = std::string(kNames[i]) + "_token";
      auto value = Member(special_map_, key);
      if (!value) value = Member(config, key);
      if (!value) continue;
      token = ReadToken(*value, true);
      if (!value->is_object()) token.lstrip = takes_space;
    }
    ReadNumbered(directory, config);
    for (const std::string_view name : kNames) {
      if (const auto token = named_.find(name); token != named_.end()) AddOnce(token->second);
    }
    for (const DocumentPtr& document : {config, special_map_}) {
      for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
        const auto extra = Member(document, key);
        if (!extra) continue;
        for (const json::Value& token : extra->Elements()) AddOnce(ReadToken(token, true));
      }
    }
  }

  const std::string& unk() const { return named_.at("unk").content; }
  const std::string& sep() const { return named_.at("sep").content; }
  const std::string& cls() const { return named_.at("cls").content; }
  const std::vector<AddedToken>& all() const { return all_; }

 private:
  static constexpr std::array<std::string_view, 7> kNames = {"bos", "eos", "unk", "sep",
                                                             "pad", "cls", "mask"};

  // added_tokens_decoder {"id": token}, or else added_tokens.json {token: id}.
  void ReadNumbered(const fs::path& directory, const DocumentPtr& config) {
    std::map<int64_t, AddedToken> numbered;
    if (const auto decoder = Member(config, "added_tokens_decoder")) {
      decoder->ForEachMember([&](std::string_view id, json::Value token) {
        numbered[ParseId(id, token)] = ReadToken(token, false);
      });
    } else if (const auto document = LoadIfPresent(directory / "added_tokens.json")) {
      document->root().ForEachMember([&](std::string_view content, json::Value id) {
        AddedToken token;
        token.content = content;
        token.special = IsNamed(content);
        token.normalized = !token.special;
        numbered[id.AsIntIn(0, std::numeric_limits<int64_t>::max())] = token;
      });
    }
    for (auto& [id, token] : numbered) {
      if (IsNamed(token.content)) token.special = true;
      AddOnce(token);
    }
  }

  bool IsNamed(std::string_view content) const {
    return std::any_of(named_.begin(), named_.end(),
                       [&](const auto& token) { return token.second.content == content; });
  }

  void AddOnce(const AddedToken& token) {
    if (contents_.insert(token.content).second) all_.push_back(token);
  }

  DocumentPtr special_map_;
  std::map<std::string_view, AddedToken> named_;
  std::vector<AddedToken> all_;
  std::unordered_set<std::string> contents_;  // of all_
};

// Classes that make of a vocab.txt what BertTokenizer or MPNetTokenizer makes of it, and those that
// name none.
void CheckTokenizerClass(const fs::path& directory, const DocumentPtr& config) {
  constexpr std::array<std::string_view, 10> kKnown = {
      "BertTokenizer",        "ConvBertTokenizer", "DistilBertTokenizer", "ElectraTokenizer",
      "MobileBertTokenizer",  "MPNetTokenizer",    "PreTrainedTokenizer", "RetriBertTokenizer",
      "SqueezeBertTokenizer", "TokenizersBackend"};
  auto name = Member(config, "tokenizer_class");
  const DocumentPtr model = name ? nullptr : LoadIfPresent(directory / "config.json");
  if (!name) name = Member(model, "tokenizer_class");
  if (!name) return;
  std::string_view base = name->AsString();
  if (base.ends_with("Fast")) base.remove_suffix(4);
  if (std::find(kKnown.begin(), kKnown.end(), base) != kKnown.end()) return;
  std::string known;
  for (const std::string_view each : kKnown) {
    if (!known.empty()) known += ", ";
    known += each;
  }
  Fail(ErrorCode::kUnsupported,
       "unknown tokenizer class '" + Printable(name->AsString(), 60) + "' of a vocab.txt",
       name->Where(), "this build knows " + known + ", or save a tokenizer.json");
}

std::unique_ptr<const PostProcessor> MakeProcessing(const TokenizerClass& tokenizer_class,
                                                    int32_t cls_id, int32_t sep_id) {
  return tokenizer_class.is_mpnet ? MakeRobertaProcessing(cls_id, sep_id)
                                  : MakeBertProcessing(cls_id, sep_id);
}

// Whether both put the same tokens around a text and a pair.
bool AreAlike(const PostProcessor& one, const PostProcessor& two) {
  const int32_t text[] = {-1};  // ids of no token
  const int32_t other[] = {-2};
  const TokenSequence a{text, {}};
  const TokenSequence b{other, {}};
  for (const TokenSequence* second : {static_cast<const TokenSequence*>(nullptr), &b}) {
    Encoding first_result;
    Encoding second_result;
    one.Process(a, second, true, false, &first_result);
    two.Process(a, second, true, false, &second_result);
    if (first_result.ids != second_result.ids || first_result.type_ids != second_result.type_ids) {
      return false;
    }
  }
  return true;
}

// Which of the classes whose rules these are transformers' AutoTokenizer would choose; null: none.
const TokenizerClass* ClassOf(const fs::path& directory, const DocumentPtr& config) {
  constexpr std::string_view kFast = "Fast";
  if (const auto name = Member(config, "tokenizer_class")) {
    std::string_view base = name->AsString();
    if (base.ends_with(kFast)) base.remove_suffix(kFast.size());
    if (base == "MPNetTokenizer") return &kMpnetClass;
    return base == "BertTokenizer" || base == "DistilBertTokenizer" ? &kBertClass : nullptr;
  }
  const DocumentPtr model = LoadIfPresent(directory / "config.json");
  const auto type = Member(model, "model_type");
  if (!type) return nullptr;
  if (type->AsString() == "mpnet") return &kMpnetClass;
  return type->AsString() == "bert" || type->AsString() == "distilbert" ? &kBertClass : nullptr;
}

}  // namespace

Tokenizer::Impl::Stages StagesFromVocabTxt(const fs::path& directory) {
  const DocumentPtr config = LoadIfPresent(directory / "tokenizer_config.json");
  CheckTokenizerClass(directory, config);
  const TokenizerClass* named = ClassOf(directory, config);
  const TokenizerClass& tokenizer_class = named == nullptr ? kBertClass : *named;
  const ConfiguredTokens tokens(tokenizer_class, directory, config);
  Tokenizer::Impl::Stages stages;
  stages.normalizer = MakeBertNormalizer(OptionsFromConfig(config));
  stages.pre_tokenizer = MakeBertPreTokenizer();
  stages.model = ReadVocabTxt(directory / "vocab.txt", tokens.unk());
  stages.added_tokens = tokens.all();
  AddedVocabulary added;
  added.Add(tokens.all(), *stages.model, nullptr);
  stages.post_processor = MakeProcessing(tokenizer_class, added.TokenToId(tokens.cls()).value_or(0),
                                         added.TokenToId(tokens.sep()).value_or(0));
  stages.decoder = MakeWordPieceDecoder("##", true);
  stages.truncation_direction = DirectionFromConfig(config, TruncationDirection::kRight);
  return stages;
}

void ApplyTokenizerConfig(const fs::path& directory, const WarningSink& on_warning,
                          Tokenizer::Impl::Stages* stages) {
  const DocumentPtr config = LoadIfPresent(directory / "tokenizer_config.json");
  stages->truncation_direction = DirectionFromConfig(config, stages->truncation_direction);
  const TokenizerClass* const tokenizer_class = ClassOf(directory, config);
  if (tokenizer_class == nullptr) return;
  const auto warn = [&](const std::string& what, const std::string& settings) {
    if (!on_warning) return;
    on_warning("tokenizer.json and tokenizer_config.json differ in " + what + " (" +
               directory.string() + "): tokenizer_config.json counts, as in transformers (" +
               settings + ")");
  };
  const auto stated = stages->normalizer ? stages->normalizer->AsBert() : std::nullopt;
  const BertNormalizerOptions options = OptionsFromConfig(config);
  if (stated && options != *stated) {
    stages->normalizer = MakeBertNormalizer(options);
    warn("how text is normalised",
         std::string("do_lower_case=") + (options.lowercase ? "true" : "false"));
  }

  const WordPiece* const word_piece = stages->model->AsWordPiece();
  if (word_piece == nullptr) return;
  const ConfiguredTokens tokens(*tokenizer_class, directory, config);
  const WordPieceOptions model_options = {.unk_token = tokens.unk()};
  if (word_piece->options() != model_options) {
    stages->model = word_piece->With(model_options);
    warn("how words are cut", "unk_token=" + Printable(tokens.unk(), 40) +
                                  ", ## in front of continuing pieces, words of up to 100 "
                                  "characters");
  }
  std::unordered_set<std::string> present;
  for (const AddedToken& token : stages->added_tokens) present.insert(token.content);
  for (const AddedToken& token : tokens.all()) {
    if (present.insert(token.content).second) stages->added_tokens.push_back(token);
  }
  AddedVocabulary added;
  added.Add(stages->added_tokens, *stages->model, nullptr);
  auto processing = MakeProcessing(*tokenizer_class, added.TokenToId(tokens.cls()).value_or(0),
                                   added.TokenToId(tokens.sep()).value_or(0));
  if (AreAlike(*stages->post_processor, *processing)) return;
  stages->post_processor = std::move(processing);
  warn("the tokens around a text",
       "cls_token=" + Printable(tokens.cls(), 40) + ", sep_token=" + Printable(tokens.sep(), 40));
}

}  // namespace bge::tokenizer
