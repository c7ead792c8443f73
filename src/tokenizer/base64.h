// Base64, as tokenizer.json holds bytes in it.
#ifndef BGE_TOKENIZER_BASE64_H_
#define BGE_TOKENIZER_BASE64_H_

#include <string>
#include <string_view>

namespace bge::tokenizer {

/// The standard alphabet with padding and nothing else in between. False where `text` is something
/// else.
bool DecodeBase64(std::string_view text, std::string* bytes);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_BASE64_H_
