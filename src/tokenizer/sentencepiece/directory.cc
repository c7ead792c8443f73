#include "tokenizer/sentencepiece/directory.h"

#include "base/error.h"
#include "base/file.h"
#include "tokenizer/directory_config.h"
#include "tokenizer/load.h"
#include "tokenizer/sentencepiece/bpe_classes.h"
#include "tokenizer/sentencepiece/model_file.h"
#include "tokenizer/sentencepiece/tokenizer_class.h"
#include "tokenizer/sentencepiece/unigram_classes.h"

namespace bge::tokenizer {
namespace {

namespace fs = std::filesystem;

// The largest known are some 5 MB.
constexpr uint64_t kMostModelBytes = 256u << 20;

}  // namespace

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
  using ModelType = SentencePieceModel::ModelType;
  if (model.model_type == ModelType::kWord || model.model_type == ModelType::kChar) {
    Fail(ErrorCode::kUnsupported,
         std::string("found a model of type ") +
             (model.model_type == ModelType::kWord ? "WORD" : "CHAR"),
         file.string() + ": field trainer_spec.model_type",
         "this build knows UNIGRAM and BPE, or save a tokenizer.json");
  }
  const DocumentPtr config =
      directory.empty() ? nullptr : LoadIfPresent(directory / "tokenizer_config.json");
  const SentencePieceClass value = ClassOf(file, model.model_type, directory, config);
  switch (value) {
    case SentencePieceClass::kLlama:
    case SentencePieceClass::kCodeLlama:
    case SentencePieceClass::kGemma:
      break;  // of any model's pieces
    case SentencePieceClass::kPlain:
      if (model.model_type == ModelType::kBpe) break;
      [[fallthrough]];
    case SentencePieceClass::kXlmRoberta:
    case SentencePieceClass::kT5:
    case SentencePieceClass::kAlbert:
      return StagesOfUnigramClass(std::move(model), value, directory, config, file.string());
  }
  return StagesOfBpeClass(model, value, directory, config, file.string());
}

}  // namespace bge::tokenizer
