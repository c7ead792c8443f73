// The settings of Metaspace, which is a pre-tokenizer and a decoder: spaces that can be seen.
#ifndef BGE_TOKENIZER_METASPACE_H_
#define BGE_TOKENIZER_METASPACE_H_

#include "base/json.h"

#include <cstdint>

namespace bge::tokenizer {

/// Where the replacement is put in front of a text: never, of the first piece, or of every piece.
enum class PrependScheme : uint8_t { kNever, kFirst, kAlways };

struct MetaspaceOptions {
  char32_t replacement = U'\u2581';
  PrependScheme prepend_scheme = PrependScheme::kAlways;
  bool split = true;

  bool operator==(const MetaspaceOptions&) const = default;
};

/// Reads the present and the older spelling (add_prefix_space, str_rep). Error(kCorruptData) as
/// json::Value throws it.
MetaspaceOptions MetaspaceFromJson(const json::Value& json);

/// A string of exactly one character.
char32_t CharacterFromJson(const json::Value& json);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_METASPACE_H_
