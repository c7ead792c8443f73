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

// The special tokens of BERT by name, and all added tokens in the order in which transformers adds
// them.
class ConfiguredTokens {
 public:
  ConfiguredTokens(const fs::path& directory, const DocumentPtr& config)
      : special_map_(Member(config, "added_tokens_decoder")
                         ? nullptr
                         : LoadIfPresent(directory / "special_tokens_map.json")) {
    for (size_t i = 0; i < kNames.size(); ++i) {
      named_[i] = AddedToken{std::string(kDefaults[i]), false, false, false, false, true};
      const std::string key = std::string(kNames[i]) + "_token";
      auto value = Member(special_map_, key);
      if (!value) value = Member(config, key);
      if (value) named_[i] = ReadToken(*value, true);
    }
    ReadNumbered(directory, config);
    for (const AddedToken& token : named_) AddOnce(token);
    for (const DocumentPtr& document : {config, special_map_}) {
      for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
        const auto extra = Member(document, key);
        if (!extra) continue;
        for (const json::Value& token : extra->Elements()) AddOnce(ReadToken(token, true));
      }
    }
  }

  const std::string& unk() const { return named_[0].content; }
  const std::string& sep() const { return named_[1].content; }
  const std::string& cls() const { return named_[3].content; }
  const std::vector<AddedToken>& all() const { return all_; }

 private:
  static constexpr std::array<std::string_view, 5> kNames = {"unk", "sep", "pad", "cls", "mask"};
  static constexpr std::array<std::string_view, 5> kDefaults = {"[UNK]", "[SEP]", "[PAD]", "[CLS]",
                                                                "[MASK]"};

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
                       [&](const AddedToken& token) { return token.content == content; });
  }

  void AddOnce(const AddedToken& token) {
    const bool known = std::any_of(all_.begin(), all_.end(), [&](const AddedToken& present) {
      return present.content == token.content;
    });
    if (!known) all_.push_back(token);
  }

  DocumentPtr special_map_;
  std::array<AddedToken, 5> named_;
  std::vector<AddedToken> all_;
};

// Classes that make of a vocab.txt what BertTokenizer makes of it, and those that name none.
void CheckTokenizerClass(const fs::path& directory, const DocumentPtr& config) {
  constexpr std::array<std::string_view, 9> kKnown = {
      "BertTokenizer",      "ConvBertTokenizer",    "DistilBertTokenizer",
      "ElectraTokenizer",   "MobileBertTokenizer",  "PreTrainedTokenizer",
      "RetriBertTokenizer", "SqueezeBertTokenizer", "TokenizersBackend"};
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

// Whether it makes [CLS] a [SEP] of a, and [CLS] a [SEP] b [SEP] of a pair.
bool IsBertProcessing(const PostProcessor& post_processor, int32_t cls_id, int32_t sep_id) {
  const int32_t text[] = {-1};  // ids of no token
  const int32_t other[] = {-2};
  const TokenSequence a{text, {}};
  const TokenSequence b{other, {}};
  Encoding single;
  Encoding pair;
  post_processor.Process(a, nullptr, true, false, &single);
  post_processor.Process(a, &b, true, false, &pair);
  return single.ids == std::vector<int32_t>{cls_id, -1, sep_id} &&
         single.type_ids == std::vector<int32_t>{0, 0, 0} &&
         pair.ids == std::vector<int32_t>{cls_id, -1, sep_id, -2, sep_id} &&
         pair.type_ids == std::vector<int32_t>{0, 0, 0, 1, 1};
}

// Whether transformers' AutoTokenizer would choose BertTokenizer, whose rules these are.
bool IsBertTokenizer(const fs::path& directory, const DocumentPtr& config) {
  constexpr std::string_view kFast = "Fast";
  if (const auto name = Member(config, "tokenizer_class")) {
    std::string_view base = name->AsString();
    if (base.ends_with(kFast)) base.remove_suffix(kFast.size());
    return base == "BertTokenizer" || base == "DistilBertTokenizer";
  }
  const DocumentPtr model = LoadIfPresent(directory / "config.json");
  const auto type = Member(model, "model_type");
  return type && (type->AsString() == "bert" || type->AsString() == "distilbert");
}

}  // namespace

Tokenizer::Impl::Stages StagesFromVocabTxt(const fs::path& directory) {
  const DocumentPtr config = LoadIfPresent(directory / "tokenizer_config.json");
  CheckTokenizerClass(directory, config);
  const ConfiguredTokens tokens(directory, config);
  Tokenizer::Impl::Stages stages;
  stages.normalizer = MakeBertNormalizer(OptionsFromConfig(config));
  stages.pre_tokenizer = MakeBertPreTokenizer();
  stages.model = ReadVocabTxt(directory / "vocab.txt", tokens.unk());
  stages.added_tokens = tokens.all();
  AddedVocabulary added;
  added.Add(tokens.all(), *stages.model, nullptr);
  stages.post_processor = MakeBertProcessing(added.TokenToId(tokens.cls()).value_or(0),
                                             added.TokenToId(tokens.sep()).value_or(0));
  stages.decoder = MakeWordPieceDecoder("##", true);
  stages.truncation_direction = DirectionFromConfig(config, TruncationDirection::kRight);
  return stages;
}

void ApplyTokenizerConfig(const fs::path& directory, const WarningSink& on_warning,
                          Tokenizer::Impl::Stages* stages) {
  const DocumentPtr config = LoadIfPresent(directory / "tokenizer_config.json");
  stages->truncation_direction = DirectionFromConfig(config, stages->truncation_direction);
  if (!IsBertTokenizer(directory, config)) return;
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
  const ConfiguredTokens tokens(directory, config);
  const WordPieceOptions model_options = {.unk_token = tokens.unk()};
  if (word_piece->options() != model_options) {
    stages->model = word_piece->With(model_options);
    warn("how words are cut", "unk_token=" + Printable(tokens.unk(), 40) +
                                  ", ## in front of continuing pieces, words of up to 100 "
                                  "characters");
  }
  for (const AddedToken& token : tokens.all()) {
    const auto is_it = [&](const AddedToken& other) { return other.content == token.content; };
    const auto& present = stages->added_tokens;
    if (std::none_of(present.begin(), present.end(), is_it)) stages->added_tokens.push_back(token);
  }
  AddedVocabulary added;
  added.Add(stages->added_tokens, *stages->model, nullptr);
  const int32_t cls_id = added.TokenToId(tokens.cls()).value_or(0);
  const int32_t sep_id = added.TokenToId(tokens.sep()).value_or(0);
  if (IsBertProcessing(*stages->post_processor, cls_id, sep_id)) return;
  stages->post_processor = MakeBertProcessing(cls_id, sep_id);
  warn("the tokens around a text",
       "cls_token=" + Printable(tokens.cls(), 40) + ", sep_token=" + Printable(tokens.sep(), 40));
}

}  // namespace bge::tokenizer
