// Which files of a directory make its tokenizer.
#include "tokenizer/load.h"

#include "base/error.h"
#include "base/json.h"
#include "tokenizer/bert_directory.h"
#include "tokenizer/sentencepiece/directory.h"
#include "tokenizer/sentencepiece/unigram_classes.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace bge::tokenizer {
namespace {

// The largest known are some 35 MB.
constexpr uint64_t kMostTokenizerJsonBytes = 128u << 20;

// The token that a marker is, where it must be made one.
std::optional<AddedToken> TokenOfMarker(const Tokenizer::Impl& tokenizer,
                                        const std::string& marker) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t begin = marker.find_first_not_of(kSpace);
  if (begin == std::string::npos) return std::nullopt;
  const size_t end = std::min(marker.find_first_of(kSpace, begin), marker.size());
  for (const std::string& token : {marker, marker.substr(begin, end - begin)}) {
    if (!tokenizer.TokenToId(token)) continue;
    Encoding encoding;
    tokenizer.Encode(token, nullptr, {.add_special_tokens = false}, &encoding);
    // Parity: an added token that is looked for in normalised text reads as that, "[q] ".
    const bool is_itself =
        encoding.ids.size() == 1 && tokenizer.IdToToken(encoding.ids[0]) == token;
    if (is_itself) return std::nullopt;
    return AddedToken{.content = token, .normalized = false, .special = true};
  }
  return std::nullopt;
}

}  // namespace

bool HasEntry(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::symlink_status(path, ignored).type() !=
         std::filesystem::file_type::not_found;
}

Tokenizer BuildTokenizer(Tokenizer::Impl::Stages stages, const LoadOptions& options) {
  if (options.lowercase_first && !(stages.normalizer && stages.normalizer->HoldsLowercase())) {
    std::vector<std::unique_ptr<const Normalizer>> normalizers;
    normalizers.push_back(MakeLowercase());
    if (stages.normalizer) normalizers.push_back(std::move(stages.normalizer));
    stages.normalizer = MakeNormalizerSequence(std::move(normalizers));
  }
  if (options.markers.empty()) {
    return Tokenizer(std::make_unique<const Tokenizer::Impl>(std::move(stages)));
  }
  Tokenizer::Impl without(std::move(stages));
  std::vector<AddedToken> tokens;
  for (const std::string& marker : options.markers) {
    if (auto token = TokenOfMarker(without, marker)) tokens.push_back(*std::move(token));
  }
  stages = std::move(without).ReleaseStages();
  stages.added_tokens.insert(stages.added_tokens.end(), tokens.begin(), tokens.end());
  return Tokenizer(std::make_unique<const Tokenizer::Impl>(std::move(stages)));
}

Tokenizer LoadTokenizer(const std::filesystem::path& path, const LoadOptions& options) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    if (IsSentencePieceFile(path)) {
      return BuildTokenizer(StagesFromSentencePiece(path, {}), options);
    }
    const auto document = json::Document::Load(path.string(), kMostTokenizerJsonBytes);
    return BuildTokenizer(StagesFromJson(document->root()), options);
  }
  if (HasEntry(path / "tokenizer.json")) {
    const auto document =
        json::Document::Load((path / "tokenizer.json").string(), kMostTokenizerJsonBytes);
    Tokenizer::Impl::Stages stages = StagesFromJson(document->root(), UnknownPieceOfClass(path));
    ApplyTokenizerConfig(path, options.on_warning, &stages);
    ApplySentencePieceClass(path, options.on_warning, &stages);
    return BuildTokenizer(std::move(stages), options);
  }
  if (HasEntry(path / "vocab.txt")) {
    return BuildTokenizer(StagesFromVocabTxt(path), options);
  }
  if (const auto file = FindSentencePieceFile(path)) {
    return BuildTokenizer(StagesFromSentencePiece(*file, path), options);
  }
  Fail(ErrorCode::kNotFound, "no tokenizer in the model directory", path.string(),
       "expected a tokenizer.json, a vocab.txt or a SentencePiece file there");
}

}  // namespace bge::tokenizer
