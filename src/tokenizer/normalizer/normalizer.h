// The first stage: changes the text before it is cut. One class for each JSON type, in its own
// file.
#ifndef BGE_TOKENIZER_NORMALIZER_NORMALIZER_H_
#define BGE_TOKENIZER_NORMALIZER_NORMALIZER_H_

#include "base/json.h"
#include "tokenizer/normalized_string.h"

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// The settings of BERT's normalisation, which the fast path must know.
struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  std::optional<bool> strip_accents;  ///< nullopt: as lowercase
  bool lowercase = true;

  bool strips_accents() const { return strip_accents.value_or(lowercase); }
  bool operator==(const BertNormalizerOptions&) const = default;
};

class Normalizer;
class Precompiled;

/// The steps of SentencePiece's normalisation, which the fast path must know.
struct SentencePieceNormalization {
  const Precompiled* charsmap = nullptr;       ///< null: maps nothing
  bool strips_right = false;                   ///< behind charsmap
  std::optional<std::string_view> space_runs;  ///< what two or more spaces become; last
};

/// Immutable and thread-safe.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void Normalize(NormalizedString* text) const = 0;

  /// Set where this does exactly what BERT's normalizer with these settings does.
  virtual std::optional<BertNormalizerOptions> AsBert() const { return std::nullopt; }
  /// A Lowercase by itself; and that, or a sequence with one among its members.
  virtual bool IsLowercase() const { return false; }
  virtual bool HoldsLowercase() const { return IsLowercase(); }

  // What AsSentencePiece() is made of.
  virtual const Precompiled* AsPrecompiled() const { return nullptr; }
  virtual bool IsStripRight() const { return false; }
  virtual std::optional<std::string_view> SpaceRunsBecome() const { return std::nullopt; }
  /// Those of a sequence.
  virtual std::span<const std::unique_ptr<const Normalizer>> Members() const { return {}; }
};

/// Set where `normalizer`, which may be null, does exactly these steps. Views it.
std::optional<SentencePieceNormalization> AsSentencePiece(const Normalizer* normalizer);

/// By the "type" of `json`: the registry of this stage. Error(kUnsupported) for a type that is not
/// in it, Error(kCorruptData) for wrong fields.
std::unique_ptr<const Normalizer> NormalizerFromJson(const json::Value& json);

// What the rows of the registry make; each in the file of its name.
std::unique_ptr<const Normalizer> MakeBertNormalizer(const json::Value& json);
std::unique_ptr<const Normalizer> MakeBertNormalizer(const BertNormalizerOptions& options);
std::unique_ptr<const Normalizer> MakeByteLevelNormalizer();
std::unique_ptr<const Normalizer> MakeLowercase();
std::unique_ptr<const Normalizer> MakeNfc();
std::unique_ptr<const Normalizer> MakeNfd();
std::unique_ptr<const Normalizer> MakeNfkc();
std::unique_ptr<const Normalizer> MakeNfkd();
std::unique_ptr<const Normalizer> MakeNmt();
std::unique_ptr<const Normalizer> MakePrecompiled(const json::Value& json);
std::unique_ptr<const Normalizer> MakePrecompiled(std::string_view charsmap,
                                                  std::string_view where);
std::unique_ptr<const Normalizer> MakePrepend(const json::Value& json);
std::unique_ptr<const Normalizer> MakePrepend(std::string_view prefix);
std::unique_ptr<const Normalizer> MakeReplace(const json::Value& json);
std::unique_ptr<const Normalizer> MakeReplace(std::string_view pattern, std::string_view content);
std::unique_ptr<const Normalizer> MakeReplaceSpaceRuns(std::string_view content);
std::unique_ptr<const Normalizer> MakeNormalizerSequence(const json::Value& json);
std::unique_ptr<const Normalizer> MakeNormalizerSequence(
    std::vector<std::unique_ptr<const Normalizer>> normalizers);
std::unique_ptr<const Normalizer> MakeStrip(const json::Value& json);
std::unique_ptr<const Normalizer> MakeStrip(bool left, bool right);
std::unique_ptr<const Normalizer> MakeStripAccents();

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_NORMALIZER_NORMALIZER_H_
