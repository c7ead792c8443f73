// Which files of a directory make its tokenizer.
#include "tokenizer/load.h"

#include "base/error.h"
#include "base/json.h"
#include "tokenizer/bert_directory.h"
#include "tokenizer/sentencepiece/directory.h"
#include "tokenizer/sentencepiece/unigram_classes.h"

namespace bge::tokenizer {
namespace {

// The largest known are some 35 MB.
constexpr uint64_t kMostTokenizerJsonBytes = 128u << 20;

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
