// The Unicode normalisation forms, as the crate unicode-normalization-alignments 0.1.12 gives them.
#ifndef BGE_TOKENIZER_NORMALIZER_UNICODE_FORMS_H_
#define BGE_TOKENIZER_NORMALIZER_UNICODE_FORMS_H_

#include "tokenizer/normalized_string.h"

namespace bge::tokenizer {

void ToNfc(NormalizedString* text);
void ToNfd(NormalizedString* text);
void ToNfkc(NormalizedString* text);
void ToNfkd(NormalizedString* text);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_NORMALIZER_UNICODE_FORMS_H_
