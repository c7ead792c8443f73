// The tokenizer classes of Unigram models: which ids pieces get and what surrounds a text.
//
// Follows transformers 5.23 (convert_slow_tokenizer.py, models/xlm_roberta, models/t5,
// models/albert).
#ifndef BGE_TOKENIZER_SENTENCEPIECE_UNIGRAM_CLASSES_H_
#define BGE_TOKENIZER_SENTENCEPIECE_UNIGRAM_CLASSES_H_

#include "bge/types.h"

#include "tokenizer/sentencepiece/tokenizer_class.h"
#include "tokenizer/tokenizer_impl.h"

#include <filesystem>
#include <optional>
#include <string>

namespace bge::tokenizer {

/// The stages that the class makes of a Unigram model. `directory` may be empty, `config`, its
/// tokenizer_config.json, absent; `where` names the model's file. Error(kCorruptData) naming file
/// and field.
Tokenizer::Impl::Stages StagesOfUnigramClass(SentencePieceModel model, SentencePieceClass value,
                                             const std::filesystem::path& directory,
                                             const DocumentPtr& config, const std::string& where);

/// Where transformers would load a directory with a Unigram tokenizer.json as an
/// XLMRobertaTokenizer or T5Tokenizer, it takes the pieces and the charsmap of the file and puts
/// the rest together itself. Set for such a class: the id of the unknown piece.
std::optional<int32_t> UnknownPieceOfClass(const std::filesystem::path& directory);

/// Gives the stages of such a directory's tokenizer.json the class's normalisation, words and
/// tokens around a text. Differences go to `on_warning`.
void ApplySentencePieceClass(const std::filesystem::path& directory, const WarningSink& on_warning,
                             Tokenizer::Impl::Stages* stages);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SENTENCEPIECE_UNIGRAM_CLASSES_H_
