// What Hugging Face `tokenizers` knows about where characters belong together: extended grapheme
// clusters (Unicode Standard Annex 29) and scripts.
//
// The tables (segmentation_tables.inc) are swept from the pinned release by
// tools/unicode/generate_tables.py, as those of unicode.h are.
#ifndef BGE_TOKENIZER_SEGMENTATION_H_
#define BGE_TOKENIZER_SEGMENTATION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bge::tokenizer {

/// Grapheme_Cluster_Break, in the low four bits of GraphemeProperties(); the generator has the same
/// numbers.
enum GraphemeClass : uint8_t {
  kGraphemeOther,
  kGraphemeCr,
  kGraphemeLf,
  kGraphemeControl,
  kGraphemeExtend,
  kGraphemeZwj,
  kGraphemeSpacingMark,
  kGraphemePrepend,
  kGraphemeRegionalIndicator,
  kGraphemeL,
  kGraphemeV,
  kGraphemeT,
  kGraphemeLv,
  kGraphemeLvt,
  kGraphemePictographic,
};
inline constexpr uint8_t kGraphemeClassBits = 0x0F;

/// Indic_Conjunct_Break, in the two bits above.
enum ConjunctClass : uint8_t {
  kConjunctConsonant = 0x10,
  kConjunctLinker = 0x20,
  kConjunctExtend = 0x30,
};
inline constexpr uint8_t kConjunctBits = 0x30;

/// Of any code point below 0x110000.
uint8_t GraphemeProperties(char32_t c);

/// Follows the characters of a text from its start. Single thread.
class GraphemeBoundaries {
 public:
  /// Whether the next character, which has these GraphemeProperties(), belongs to the cluster of
  /// the one in front of it. False for the first.
  bool Joins(uint8_t properties) {
    // By far the most characters stand alone.
    if ((properties & (kGraphemeClassBits | kConjunctBits)) == 0 && previous_ == 0) return false;
    return JoinsRare(properties);
  }

 private:
  bool JoinsRare(uint8_t properties);

  uint8_t previous_ = kGraphemeControl;  // properties of the last character
  bool odd_indicators_ = false;          // it ends an odd number of regional indicators
  bool pictograph_ = false;              // a pictograph, and only Extend behind it
  bool pictograph_zwj_ = false;          // a pictograph, Extend, and a joiner
  bool consonant_ = false;               // a consonant, and only Extend and Linker behind it
  bool linked_ = false;                  // the same with a Linker among them
};

/// Where the cluster at the start of `text` (valid UTF-8, not empty) ends; `boundaries` has seen
/// its first character. Moves on to the first character of the next cluster.
size_t ClusterEnd(std::string_view text, GraphemeBoundaries* boundaries);

/// A number for the script by which UnicodeScripts cuts; 0: it goes with any.
uint8_t ScriptOf(char32_t c);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_SEGMENTATION_H_
