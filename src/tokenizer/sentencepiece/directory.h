// What transformers makes of a SentencePiece file without a tokenizer.json beside it.
//
// Follows transformers 5.23: the tokenizer class decides what is made of the file's pieces
// (tokenizer_class.h, unigram_classes.h, bpe_classes.h).
#ifndef BGE_TOKENIZER_SENTENCEPIECE_DIRECTORY_H_
#define BGE_TOKENIZER_SENTENCEPIECE_DIRECTORY_H_

#include "tokenizer/tokenizer_impl.h"

#include <filesystem>
#include <optional>

namespace bge::tokenizer {

/// The SentencePiece file of a directory: sentencepiece.bpe.model, spiece.model or tokenizer.model.
std::optional<std::filesystem::path> FindSentencePieceFile(const std::filesystem::path& directory);

/// Whether a file is to be read as a SentencePiece model: by its name, which ends with ".model".
bool IsSentencePieceFile(const std::filesystem::path& file);

/// The stages of the file's tokenizer. Its class is that of `directory`'s tokenizer_config.json, or
/// follows from its config.json; without either (and where `directory` is empty, when a file is
/// given alone) sentencepiece.bpe.model is XLM-R's, and others are converted as they are.
/// Error(kCorruptData, kUnsupported) naming the file and the field.
Tokenizer::Impl::Stages StagesFromSentencePiece(const std::filesystem::path& file,
                                                const std::filesystem::path& directory);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SENTENCEPIECE_DIRECTORY_H_
