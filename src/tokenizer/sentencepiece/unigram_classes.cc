#include "tokenizer/sentencepiece/unigram_classes.h"

#include "base/error.h"
#include "tokenizer/model/unigram.h"
#include "tokenizer/normalizer/precompiled.h"
#include "tokenizer/sentencepiece/configured_tokens.h"

#include <algorithm>
#include <string_view>

namespace bge::tokenizer {
namespace {

namespace fs = std::filesystem;

using Class = SentencePieceClass;
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
  Converter(SentencePieceModel model, fs::path directory, DocumentPtr config, std::string where)
      : file_(std::move(model)),
        directory_(std::move(directory)),
        config_(std::move(config)),
        where_(std::move(where)) {
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
      default:
        ConvertPlain();
        break;
    }
    stages_.truncation_direction = DirectionFromConfig(config_, TruncationDirection::kRight);
    return std::move(stages_);
  }

 private:
  // The four tokens of fairseq come first, in another order than in the file, and <mask> last.
  void ConvertXlmRoberta() {
    ReadNamed({{"bos_token", "<s>"},
               {"eos_token", "</s>"},
               {"unk_token", "<unk>"},
               {"sep_token", "</s>"},
               {"pad_token", "<pad>"},
               {"cls_token", "<s>"},
               {"mask_token", "<mask>"}});
    pieces_.erase(pieces_.begin(), pieces_.begin() + std::min<ptrdiff_t>(3, std::ssize(pieces_)));
    pieces_.insert(pieces_.begin(), {{Named("bos_token"), 0.0},
                                     {Named("pad_token"), 0.0},
                                     {Named("eos_token"), 0.0},
                                     {Named("unk_token"), 0.0}});
    pieces_.push_back({Named("mask_token"), 0.0});
    MakeModel(kXlmRobertaUnknown);
    stages_.normalizer = Charsmap();
    MakeWords(BoolOr(config_, "add_prefix_space", true), &stages_);
    AddTokens({});
    stages_.post_processor = XlmRobertaTemplate(IdOf("bos_token"), IdOf("eos_token"));
  }

  void ConvertT5() {
    ReadNamed({{"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}});
    constexpr int64_t kMostExtra = 10000;
    const auto extra = Member(config_, "extra_ids");
    const int64_t count = extra ? extra->AsIntIn(0, kMostExtra) : 100;
    std::vector<std::string> names;
    for (int64_t i = count; i-- > 0;) names.push_back("<extra_id_" + std::to_string(i) + ">");
    std::vector<AddedToken> tokens;
    for (const std::string& name : names) {
      pieces_.push_back({name, 0.0});
      tokens.push_back(SpecialToken(name));
    }
    MakeModel(kT5Unknown);
    stages_.normalizer = Charsmap();
    MakeWords(true, &stages_);
    AddTokens(tokens);
    stages_.post_processor = T5Template(IdOf("eos_token"));
  }

  void ConvertAlbert() {
    ReadNamed({{"bos_token", "[CLS]"},
               {"eos_token", "[SEP]"},
               {"unk_token", "<unk>"},
               {"sep_token", "[SEP]"},
               {"pad_token", "<pad>"},
               {"cls_token", "[CLS]"},
               {"mask_token", "[MASK]"}});
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
    const auto cls = stages_.model->TokenToId(Named("cls_token"));
    const auto sep = stages_.model->TokenToId(Named("sep_token"));
    if (!cls || !sep) {
      Fail(ErrorCode::kCorruptData,
           "no piece '" + Printable(Named(cls ? "sep_token" : "cls_token"), 40) + "'",
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
    ReadNamed({});
    AddTokens({});
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

  void ReadNamed(const ConfiguredTokens::Defaults& defaults) {
    tokens_.emplace(directory_, config_, defaults);
    for (const auto& [name, content] : defaults) {
      const AddedToken* token = tokens_->Named(name);
      contents_[name] = token != nullptr ? token->content : std::string(content);
    }
  }
  const std::string& Named(std::string_view name) const { return contents_.at(name); }
  int32_t IdOf(std::string_view name) const {
    AddedVocabulary added;
    added.Add(stages_.added_tokens, *stages_.model, nullptr);
    // Every named token is an added one.
    return added.TokenToId(Named(name)).value_or(0);
  }

  // `of_class` are special tokens of the class.
  void AddTokens(const std::vector<AddedToken>& of_class) {
    stages_.added_tokens = tokens_->InOrder(file_.pieces, of_class);
  }

  SentencePieceModel file_;
  fs::path directory_;
  DocumentPtr config_;
  std::string where_;
  std::vector<Unigram::Piece> pieces_;
  std::optional<ConfiguredTokens> tokens_;
  std::map<std::string_view, std::string> contents_;  // of the named tokens
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

Tokenizer::Impl::Stages StagesOfUnigramClass(SentencePieceModel model, Class value,
                                             const fs::path& directory, const DocumentPtr& config,
                                             const std::string& where) {
  return Converter(std::move(model), directory, config, where).Convert(value);
}

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

}  // namespace bge::tokenizer
