// The tokenizer classes of BPE models: how spaces are marked and what surrounds a text.
//
// Follows transformers 5.23 (models/llama, models/code_llama, models/gemma, and
// build_tokenizer_from_spm_proto in convert_slow_tokenizer.py for TokenizersBackend). Not what the
// converters of the slow classes do: files alone do not pass through them.
#ifndef BGE_TOKENIZER_SENTENCEPIECE_BPE_CLASSES_H_
#define BGE_TOKENIZER_SENTENCEPIECE_BPE_CLASSES_H_

#include "tokenizer/sentencepiece/tokenizer_class.h"
#include "tokenizer/tokenizer_impl.h"

#include <filesystem>
#include <string>

namespace bge::tokenizer {

/// The stages that the class, kPlain, kLlama, kCodeLlama or kGemma, makes of the pieces.
/// `directory` may be empty, `config`, its tokenizer_config.json, absent; `where` names the model's
/// file. Error(kCorruptData, kUnsupported) naming file and field.
Tokenizer::Impl::Stages StagesOfBpeClass(const SentencePieceModel& model, SentencePieceClass value,
                                         const std::filesystem::path& directory,
                                         const DocumentPtr& config, const std::string& where);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SENTENCEPIECE_BPE_CLASSES_H_
