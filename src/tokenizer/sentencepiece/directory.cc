#include "tokenizer/sentencepiece/directory.h"

#include "base/error.h"
#include "base/file.h"
#include "tokenizer/directory_config.h"
#include "tokenizer/load.h"
#include "tokenizer/model/unigram.h"
#include "tokenizer/normalizer/precompiled.h"
#include "tokenizer/sentencepiece/model_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <unordered_map>

namespace bge::tokenizer {
namespace {

namespace fs = std::filesystem;

// The largest known are some 5 MB.
constexpr uint64_t kMostModelBytes = 256u << 20;

enum class Class { kPlain, kXlmRoberta, kT5, kAlbert };

struct ClassRow {
  std::string_view tokenizer_class;
  std::string_view model_type;  // of config.json
  Class value;
};
constexpr std::array<ClassRow, 3> kClasses = {
    {{"XLMRobertaTokenizer", "xlm-roberta", Class::kXlmRoberta},
     {"T5Tokenizer", "t5", Class::kT5},
     {"AlbertTokenizer", "albert", Class::kAlbert}}};

// The class that the files of a directory name; nullopt where they name none, or another.
std::optional<Class> NamedClass(const fs::path& directory, const DocumentPtr& config) {
  if (const auto name = Member(config, "tokenizer_class")) {
    std::string_view base = name->AsString();
    if (base.ends_with("Fast")) base.remove_suffix(4);
    for (const ClassRow& row : kClasses) {
      if (base == row.tokenizer_class) return row.value;
    }
    return std::nullopt;
  }
  if (directory.empty()) return std::nullopt;
  const DocumentPtr model = LoadIfPresent(directory / "config.json");
  const auto type = Member(model, "model_type");
  if (!type) return std::nullopt;
  for (const ClassRow& row : kClasses) {
    if (type->AsString() == row.model_type) return row.value;
  }
  return type->AsString() == "mt5" ? std::optional(Class::kT5) : std::nullopt;
}

Class ClassOf(const fs::path& file, const fs::path& directory, const DocumentPtr& config) {
  if (const auto named = NamedClass(directory, config)) return *named;
  if (const auto name = Member(config, "tokenizer_class")) {
    Fail(
        ErrorCode::kUnsupported,
        "unknown tokenizer class '" + Printable(name->AsString(), 60) + "' of a SentencePiece file",
        name->Where(),
        "this build knows XLMRobertaTokenizer, T5Tokenizer and AlbertTokenizer, or save a "
        "tokenizer.json");
  }
  return file.filename() == "sentencepiece.bpe.model" ? Class::kXlmRoberta : Class::kPlain;
}

using Kind = TemplateStep::Kind;

constexpr int32_t kXlmRobertaUnknown = 3;
constexpr int32_t kT5Unknown = 2;

void MakeWords(bool add_prefix_space, Tokenizer::Impl::Stages* stages) {
  const MetaspaceOptions options{.prepend_scheme = add_prefix_space ? PrependScheme::kAlways
                                                                    : PrependScheme::kNever};
  std::vector<std::unique_ptr<const PreTokenizer>> members;
  members.push_back(MakeWhitespaceSplit());
  members.push_back(MakeMetaspace(options));
  stages->pre_tokenizer = MakePreTokenizerSequence(std::move(members));
  stages->decoder = MakeMetaspaceDecoder(options);
}

std::unique_ptr<const PostProcessor> XlmRobertaTemplate(int32_t bos, int32_t eos) {
  return MakeTemplateProcessing(
      {{Kind::kToken, bos, 0}, {Kind::kFirst, 0, 0}, {Kind::kToken, eos, 0}},
      {{Kind::kToken, bos, 0},
       {Kind::kFirst, 0, 0},
       {Kind::kToken, eos, 0},
       {Kind::kToken, eos, 0},
       {Kind::kSecond, 0, 0},
       {Kind::kToken, eos, 0}});
}

std::unique_ptr<const PostProcessor> T5Template(int32_t eos) {
  return MakeTemplateProcessing({{Kind::kFirst, 0, 0}, {Kind::kToken, eos, 0}},
                                {{Kind::kFirst, 0, 0},
                                 {Kind::kToken, eos, 0},
                                 {Kind::kSecond, 0, 0},
                                 {Kind::kToken, eos, 0}});
}

// Puts the stages of one class together from its file.
class Converter {
 public:
  Converter(SentencePieceModel model, DocumentPtr config, std::string where)
      : file_(std::move(model)), config_(std::move(config)), where_(std::move(where)) {
    for (const auto& piece : file_.pieces) {
      pieces_.push_back({piece.text, static_cast<double>(piece.score)});
    }
  }

  Tokenizer::Impl::Stages Convert(Class tokenizer_class) {
    switch (tokenizer_class) {
      case Class::kXlmRoberta:
        ConvertXlmRoberta();
        break;
      case Class::kT5:
        ConvertT5();
        break;
      case Class::kAlbert:
        ConvertAlbert();
        break;
      case Class::kPlain:
        ConvertPlain();
        break;
    }
    stages_.truncation_direction = DirectionFromConfig(config_, TruncationDirection::kRight);
    return std::move(stages_);
  }

 private:
  // The four tokens of fairseq come first, in another order than in the file, and <mask> last.
  void ConvertXlmRoberta() {
    ReadNamed({{"bos", "<s>"},
               {"eos", "</s>"},
               {"unk", "<unk>"},
               {"sep", "</s>"},
               {"pad", "<pad>"},
               {"cls", "<s>"},
               {"mask", "<mask>"}});
    pieces_.erase(pieces_.begin(), pieces_.begin() + std::min<ptrdiff_t>(3, std::ssize(pieces_)));
    pieces_.insert(
        pieces_.begin(),
        {{Named("bos"), 0.0}, {Named("pad"), 0.0}, {Named("eos"), 0.0}, {Named("unk"), 0.0}});
    pieces_.push_back({Named("mask"), 0.0});
    MakeModel(kXlmRobertaUnknown);
    stages_.normalizer = Charsmap();
    MakeWords(BoolOr(config_, "add_prefix_space", true), &stages_);
    AddTokens({});
    stages_.post_processor = XlmRobertaTemplate(IdOf("bos"), IdOf("eos"));
  }

  void ConvertT5() {
    ReadNamed({{"eos", "</s>"}, {"unk", "<unk>"}, {"pad", "<pad>"}});
    constexpr int64_t kMostExtra = 10000;
    const auto extra = Member(config_, "extra_ids");
    const int64_t count = extra ? extra->AsIntIn(0, kMostExtra) : 100;
    std::vector<std::string> names;
    for (int64_t i = count; i-- > 0;) names.push_back("<extra_id_" + std::to_string(i) + ">");
    for (const std::string& name : names) pieces_.push_back({name, 0.0});
    MakeModel(kT5Unknown);
    stages_.normalizer = Charsmap();
    MakeWords(true, &stages_);
    AddTokens(names);
    stages_.post_processor = T5Template(IdOf("eos"));
  }

  void ConvertAlbert() {
    ReadNamed({{"bos", "[CLS]"},
               {"eos", "[SEP]"},
               {"unk", "<unk>"},
               {"sep", "[SEP]"},
               {"pad", "<pad>"},
               {"cls", "[CLS]"},
               {"mask", "[MASK]"}});
    MakeModel(1);
    std::vector<std::unique_ptr<const Normalizer>> normalizers;
    normalizers.push_back(MakeReplace("``", "\""));
    normalizers.push_back(MakeReplace("''", "\""));
    if (!BoolOr(config_, "keep_accents", false)) {
      normalizers.push_back(MakeNfkd());
      normalizers.push_back(MakeStripAccents());
    }
    if (BoolOr(config_, "do_lower_case", true)) normalizers.push_back(MakeLowercase());
    if (auto charsmap = Charsmap()) normalizers.push_back(std::move(charsmap));
    stages_.normalizer = MakeNormalizerSequence(std::move(normalizers));
    MakeWords(BoolOr(config_, "add_prefix_space", true), &stages_);
    AddTokens({});
    const auto cls = stages_.model->TokenToId(Named("cls"));
    const auto sep = stages_.model->TokenToId(Named("sep"));
    if (!cls || !sep) {
      Fail(ErrorCode::kCorruptData, "no piece '" + Printable(Named(cls ? "sep" : "cls"), 40) + "'",
           where_ + ": field pieces", "AlbertTokenizer puts it around a text");
    }
    stages_.post_processor = MakeTemplateProcessing(
        {{Kind::kToken, *cls, 0}, {Kind::kFirst, 0, 0}, {Kind::kToken, *sep, 0}},
        {{Kind::kToken, *cls, 0},
         {Kind::kFirst, 0, 0},
         {Kind::kToken, *sep, 0},
         {Kind::kSecond, 0, 1},
         {Kind::kToken, *sep, 1}});
  }

  // Parity: add_dummy_prefix and remove_extra_whitespaces are as if set, whatever the file says.
  void ConvertPlain() {
    MakeModel(file_.unk_id);
    std::vector<std::unique_ptr<const Normalizer>> normalizers;
    if (auto charsmap = Charsmap()) normalizers.push_back(std::move(charsmap));
    normalizers.push_back(MakeStrip(false, true));
    normalizers.push_back(MakeReplaceSpaceRuns("\u2581"));
    stages_.normalizer = MakeNormalizerSequence(std::move(normalizers));
    stages_.pre_tokenizer = MakeMetaspace(MetaspaceOptions{});
    stages_.decoder = MakeMetaspaceDecoder(MetaspaceOptions{});
    stages_.post_processor = MakeNoPostProcessor();
    AddFromFile();
  }

  void MakeModel(int32_t unk_id) {
    stages_.model =
        std::make_unique<Unigram>(pieces_, UnigramOptions{.unk_id = unk_id, .byte_fallback = false},
                                  where_ + ": field pieces");
  }

  std::unique_ptr<const Normalizer> Charsmap() const {
    if (file_.precompiled_charsmap.empty()) return nullptr;
    return MakePrecompiled(file_.precompiled_charsmap,
                           where_ + ": field normalizer_spec.precompiled_charsmap");
  }

  using Names = std::vector<std::pair<std::string_view, std::string_view>>;
  void ReadNamed(const Names& defaults) {
    for (const auto& [name, content] : defaults) {
      AddedToken token;
      token.content = content;
      token.special = true;
      token.normalized = false;
      if (const auto value = Member(config_, std::string(name) + "_token")) {
        token = ReadToken(*value, true);
      }
      order_.emplace_back(name);
      named_[std::string(name)] = token;
    }
  }
  const std::string& Named(const std::string& name) const { return named_.at(name).content; }
  int32_t IdOf(const std::string& name) const {
    AddedVocabulary added;
    added.Add(stages_.added_tokens, *stages_.model, nullptr);
    // Every named token is an added one.
    return added.TokenToId(Named(name)).value_or(0);
  }

  // added_tokens_decoder, the named ones, and then the configuration's others or, without those,
  // the file's; `more` are special tokens of the class.
  void AddTokens(const std::vector<std::string>& more) {
    if (const auto decoder = Member(config_, "added_tokens_decoder")) {
      std::map<int64_t, AddedToken> numbered;
      decoder->ForEachMember([&](std::string_view id, json::Value token) {
        numbered[ParseId(id, token)] = ReadToken(token, false);
      });
      for (auto& [id, token] : numbered) {
        token.special = token.special || IsNamed(token.content);
        Add(token);
      }
    }
    for (const std::string& name : order_) {
      if (!places_.contains(named_.at(name).content)) Add(named_.at(name));
    }
    bool configured = false;
    for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
      const auto extra = Member(config_, key);
      if (!extra || !extra->is_array()) continue;
      configured = true;
      for (const json::Value& token : extra->Elements()) Add(ReadToken(token, true));
    }
    if (!configured) AddFromFile();
    for (const std::string& content : more) {
      AddedToken token;
      token.content = content;
      token.special = true;
      token.normalized = false;
      Add(token);
    }
  }

  // Control and user-defined pieces are tokens wherever they stand.
  void AddFromFile() {
    for (const auto& piece : file_.pieces) {
      const bool control = piece.type == SentencePieceModel::PieceType::kControl;
      if (!control && piece.type != SentencePieceModel::PieceType::kUserDefined) continue;
      AddedToken token;
      token.content = piece.text;
      token.special = control || IsNamed(token.content);
      token.normalized = false;
      Add(token);
    }
  }

  bool IsNamed(std::string_view content) const {
    return std::any_of(named_.begin(), named_.end(),
                       [&](const auto& entry) { return entry.second.content == content; });
  }

  // Parity: of equal tokens the last one's flags count, so that those which the configuration gives
  // to a named token are lost where the token is among the others too.
  void Add(const AddedToken& token) {
    const auto [place, added] = places_.try_emplace(token.content, stages_.added_tokens.size());
    if (added) {
      stages_.added_tokens.push_back(token);
    } else {
      stages_.added_tokens[place->second] = token;
    }
  }

  SentencePieceModel file_;
  DocumentPtr config_;
  std::string where_;
  std::vector<Unigram::Piece> pieces_;
  std::vector<std::string> order_;  // of the named tokens
  std::map<std::string, AddedToken> named_;
  std::unordered_map<std::string, size_t> places_;  // in stages_.added_tokens
  Tokenizer::Impl::Stages stages_;
};

// What two post-processors make of texts of one token.
bool AreAlike(const PostProcessor& a, const PostProcessor& b) {
  const int32_t text[] = {-1};  // ids of no token
  const int32_t other[] = {-2};
  const TokenSequence first{text, {}};
  const TokenSequence second{other, {}};
  for (const TokenSequence* pair : {static_cast<const TokenSequence*>(nullptr), &second}) {
    Encoding of_a;
    Encoding of_b;
    a.Process(first, pair, true, false, &of_a);
    b.Process(first, pair, true, false, &of_b);
    if (of_a.ids != of_b.ids || of_a.type_ids != of_b.type_ids) return false;
  }
  return true;
}

// The charsmap of a normalizer, or the first among the members of a sequence.
std::unique_ptr<const Normalizer> CharsmapOf(const Normalizer* normalizer) {
  if (normalizer == nullptr) return nullptr;
  if (const Precompiled* charsmap = normalizer->AsPrecompiled()) {
    return std::make_unique<Precompiled>(*charsmap);
  }
  for (const auto& member : normalizer->Members()) {
    if (const Precompiled* charsmap = member->AsPrecompiled()) {
      return std::make_unique<Precompiled>(*charsmap);
    }
  }
  return nullptr;
}

std::string ContentOr(const DocumentPtr& config, std::string_view key, std::string_view otherwise) {
  const auto token = Member(config, key);
  return token ? ReadToken(*token, true).content : std::string(otherwise);
}

}  // namespace

std::optional<int32_t> UnknownPieceOfClass(const fs::path& directory) {
  const auto named = NamedClass(directory, LoadIfPresent(directory / "tokenizer_config.json"));
  if (named == Class::kXlmRoberta) return kXlmRobertaUnknown;
  if (named == Class::kT5) return kT5Unknown;
  return std::nullopt;
}

void ApplySentencePieceClass(const fs::path& directory, const WarningSink& on_warning,
                             Tokenizer::Impl::Stages* stages) {
  if (stages->model->AsUnigram() == nullptr) return;
  const DocumentPtr config = LoadIfPresent(directory / "tokenizer_config.json");
  const auto named = NamedClass(directory, config);
  if (named != Class::kXlmRoberta && named != Class::kT5) return;
  const auto warn = [&](const std::string& what) {
    if (!on_warning) return;
    on_warning("tokenizer.json states " + what + " that " +
               (named == Class::kT5 ? "T5Tokenizer" : "XLMRobertaTokenizer") + " does not have (" +
               directory.string() + "): the class counts, as in transformers");
  };
  const auto stated = AsSentencePiece(stages->normalizer.get());
  const bool plain =
      stages->normalizer == nullptr ||
      (stated && stated->charsmap != nullptr && !stated->strips_right && !stated->space_runs);
  if (!plain) {
    stages->normalizer = CharsmapOf(stages->normalizer.get());
    warn("a normalisation");
  }

  const auto words = AsSentencePieceWords(stages->pre_tokenizer.get());
  MakeWords(named == Class::kT5 || BoolOr(config, "add_prefix_space", true), stages);
  const auto words_of_class = AsSentencePieceWords(stages->pre_tokenizer.get());
  if (!words || words->splits_whitespace != words_of_class->splits_whitespace ||
      words->metaspace != words_of_class->metaspace) {
    warn("words");
  }

  const std::string bos_content = ContentOr(config, "bos_token", "<s>");
  const std::string eos_content = ContentOr(config, "eos_token", "</s>");
  AddedVocabulary added;
  added.Add(stages->added_tokens, *stages->model, nullptr);
  const auto id_of = [&](const std::string& content) {
    const auto id = added.TokenToId(content);
    return id ? id : stages->model->TokenToId(content);
  };
  const auto bos = id_of(bos_content);
  const auto eos = id_of(eos_content);
  if (!eos || (named == Class::kXlmRoberta && !bos)) return;
  auto post_processor = named == Class::kT5 ? T5Template(*eos) : XlmRobertaTemplate(*bos, *eos);
  if (!AreAlike(*stages->post_processor, *post_processor)) {
    stages->post_processor = std::move(post_processor);
    warn("tokens around a text");
  }
}

std::optional<fs::path> FindSentencePieceFile(const fs::path& directory) {
  for (const char* name : {"sentencepiece.bpe.model", "spiece.model", "tokenizer.model"}) {
    if (HasEntry(directory / name)) return directory / name;
  }
  return std::nullopt;
}

bool IsSentencePieceFile(const fs::path& file) { return file.extension() == ".model"; }

Tokenizer::Impl::Stages StagesFromSentencePiece(const fs::path& file, const fs::path& directory) {
  const std::string bytes = ReadFile(file, kMostModelBytes);
  SentencePieceModel model = ParseSentencePieceModel(bytes, file.string());
  switch (model.model_type) {
    case SentencePieceModel::ModelType::kUnigram:
      break;
    case SentencePieceModel::ModelType::kBpe:
    case SentencePieceModel::ModelType::kWord:
    case SentencePieceModel::ModelType::kChar: {
      constexpr std::array<std::string_view, 5> kNames = {"", "UNIGRAM", "BPE", "WORD", "CHAR"};
      Fail(ErrorCode::kUnsupported,
           "found a model of type " + std::string(kNames.at(static_cast<size_t>(model.model_type))),
           file.string() + ": field trainer_spec.model_type",
           "this build knows UNIGRAM, or save a tokenizer.json");
    }
  }
  const DocumentPtr config =
      directory.empty() ? nullptr : LoadIfPresent(directory / "tokenizer_config.json");
  const Class tokenizer_class = ClassOf(file, directory, config);
  return Converter(std::move(model), config, file.string()).Convert(tokenizer_class);
}

}  // namespace bge::tokenizer
