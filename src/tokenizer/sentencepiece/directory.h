// What transformers makes of a SentencePiece file without a tokenizer.json beside it.
//
// Follows transformers 5.23 (convert_slow_tokenizer.py, models/xlm_roberta, models/t5,
// models/albert): the tokenizer class decides which ids pieces get and what surrounds a text.
#ifndef BGE_TOKENIZER_SENTENCEPIECE_DIRECTORY_H_
#define BGE_TOKENIZER_SENTENCEPIECE_DIRECTORY_H_

#include "bge/types.h"

#include "tokenizer/tokenizer_impl.h"

#include <filesystem>
#include <optional>

namespace bge::tokenizer {

/// The SentencePiece file of a directory: sentencepiece.bpe.model, spiece.model or tokenizer.model.
std::optional<std::filesystem::path> FindSentencePieceFile(const std::filesystem::path& directory);

/// Where transformers would load a directory with a Unigram tokenizer.json as an
/// XLMRobertaTokenizer or T5Tokenizer, it takes the pieces and the charsmap of the file and puts
/// the rest together itself. Set for such a class: the id of the unknown piece.
std::optional<int32_t> UnknownPieceOfClass(const std::filesystem::path& directory);

/// Gives the stages of such a directory's tokenizer.json the class's normalisation, words and
/// tokens around a text. Differences go to `on_warning`.
void ApplySentencePieceClass(const std::filesystem::path& directory, const WarningSink& on_warning,
                             Tokenizer::Impl::Stages* stages);

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
