// Precompiled: SentencePiece's normalisation, a map from strings to strings.
#ifndef BGE_TOKENIZER_NORMALIZER_PRECOMPILED_H_
#define BGE_TOKENIZER_NORMALIZER_PRECOMPILED_H_

#include "tokenizer/normalizer/normalizer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

class Precompiled final : public Normalizer {
 public:
  /// Clusters of characters of fewer bytes than this are looked up whole, longer ones character by
  /// character.
  static constexpr size_t kWholeClusterBytes = 6;

  /// `charsmap` as sentencepiece writes it: u32 bytes of a double array, its u32 units (little
  /// endian), then strings that end with a zero byte. Without bytes it maps nothing.
  /// Error(kCorruptData) where it is something else; `where` names its file and field.
  Precompiled(std::string_view charsmap, std::string_view where);

  void Normalize(NormalizedString* text) const override;
  const Precompiled* AsPrecompiled() const override { return this; }

  /// What takes the place of `cluster`: what its shortest prefix that the map holds maps to.
  std::optional<std::string_view> Find(std::string_view cluster) const;

 private:
  std::vector<uint32_t> units_;
  std::string strings_;
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_NORMALIZER_PRECOMPILED_H_
