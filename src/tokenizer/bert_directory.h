// What transformers makes of a BERT directory beyond tokenizer.json: vocab.txt,
// tokenizer_config.json, special_tokens_map.json, added_tokens.json.
//
// Follows transformers 5.23 (models/bert/tokenization_bert.py, models/mpnet/tokenization_mpnet.py,
// tokenization_utils_base.py): its BertTokenizer and MPNetTokenizer take the normalisation and the
// tokens around a text from tokenizer_config.json (and special_tokens_map.json) and not from
// tokenizer.json.
#ifndef BGE_TOKENIZER_BERT_DIRECTORY_H_
#define BGE_TOKENIZER_BERT_DIRECTORY_H_

#include "bge/types.h"

#include "tokenizer/tokenizer_impl.h"

#include <filesystem>

namespace bge::tokenizer {

/// The stages of BertTokenizer or MPNetTokenizer for a directory with a vocab.txt and no
/// tokenizer.json.
Tokenizer::Impl::Stages StagesFromVocabTxt(const std::filesystem::path& directory);

/// Gives the stages of a directory's tokenizer.json the truncation_side of its
/// tokenizer_config.json. Where transformers would load the directory as one of these: gives the
/// stages, which are those of its tokenizer.json, the settings of tokenizer_config.json: a
/// BertNormalizer's, the unknown token, cls_token and sep_token around a text, and special tokens
/// that tokenizer.json does not list; and BERT's settings of WordPiece. Differences go to
/// `on_warning`.
void ApplyTokenizerConfig(const std::filesystem::path& directory, const WarningSink& on_warning,
                          Tokenizer::Impl::Stages* stages);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_BERT_DIRECTORY_H_
