// Which of transformers' tokenizer classes loads a directory with a SentencePiece file.
//
// Follows transformers 5.23 (models/auto/tokenization_auto.py).
#ifndef BGE_TOKENIZER_SENTENCEPIECE_TOKENIZER_CLASS_H_
#define BGE_TOKENIZER_SENTENCEPIECE_TOKENIZER_CLASS_H_

#include "tokenizer/directory_config.h"
#include "tokenizer/sentencepiece/model_file.h"

#include <filesystem>
#include <optional>

namespace bge::tokenizer {

/// kPlain is TokenizersBackend, which takes the file as it is.
enum class SentencePieceClass { kPlain, kXlmRoberta, kT5, kAlbert, kLlama, kCodeLlama, kGemma };

/// The class that the files of a directory name; nullopt where they name none, or one that is not
/// among these. `config`: its tokenizer_config.json, which may be absent, as the directory may.
std::optional<SentencePieceClass> NamedClass(const std::filesystem::path& directory,
                                             const DocumentPtr& config);

/// The class of `file`, which holds a model of that type: as NamedClass, or else XLM-R for
/// sentencepiece.bpe.model and kPlain for others. Error(kUnsupported) for a class that is not among
/// these, or cannot be made of such a model.
SentencePieceClass ClassOf(const std::filesystem::path& file,
                           SentencePieceModel::ModelType model_type,
                           const std::filesystem::path& directory, const DocumentPtr& config);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SENTENCEPIECE_TOKENIZER_CLASS_H_
