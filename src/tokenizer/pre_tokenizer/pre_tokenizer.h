// The second stage: cuts the normalised text into the words that the model sees. One class for each
// JSON type, in its own file.
#ifndef BGE_TOKENIZER_PRE_TOKENIZER_PRE_TOKENIZER_H_
#define BGE_TOKENIZER_PRE_TOKENIZER_PRE_TOKENIZER_H_

#include "base/json.h"
#include "tokenizer/metaspace.h"
#include "tokenizer/pretokenized_string.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace bge::tokenizer {

/// Immutable and thread-safe.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void PreTokenize(PretokenizedString* text) const = 0;
  /// Whether this cuts exactly as BertPreTokenizer does, for the fast path.
  virtual bool IsBert() const { return false; }

  // What AsSentencePieceWords() is made of.
  virtual std::optional<MetaspaceOptions> AsMetaspace() const { return std::nullopt; }
  virtual bool IsWhitespaceSplit() const { return false; }
  /// Those of a sequence.
  virtual std::span<const std::unique_ptr<const PreTokenizer>> Members() const { return {}; }
};

/// How SentencePiece's words are cut, which the fast path must know.
struct SentencePieceWords {
  bool splits_whitespace;  ///< WhitespaceSplit comes first
  MetaspaceOptions metaspace;
};

/// Set where `pre_tokenizer`, which may be null, cuts exactly so.
std::optional<SentencePieceWords> AsSentencePieceWords(const PreTokenizer* pre_tokenizer);

/// By the "type" of `json`: the registry of this stage. Errors as NormalizerFromJson.
std::unique_ptr<const PreTokenizer> PreTokenizerFromJson(const json::Value& json);

// What the rows of the registry make; each in the file of its name.
std::unique_ptr<const PreTokenizer> MakeBertPreTokenizer();
std::unique_ptr<const PreTokenizer> MakeByteLevel(const json::Value& json);
std::unique_ptr<const PreTokenizer> MakeCharDelimiterSplit(const json::Value& json);
std::unique_ptr<const PreTokenizer> MakeDigits(const json::Value& json);
std::unique_ptr<const PreTokenizer> MakeFixedLength(const json::Value& json);
std::unique_ptr<const PreTokenizer> MakeMetaspace(const json::Value& json);
std::unique_ptr<const PreTokenizer> MakeMetaspace(const MetaspaceOptions& options);
std::unique_ptr<const PreTokenizer> MakePunctuation(const json::Value& json);
std::unique_ptr<const PreTokenizer> MakePreTokenizerSequence(const json::Value& json);
std::unique_ptr<const PreTokenizer> MakePreTokenizerSequence(
    std::vector<std::unique_ptr<const PreTokenizer>> members);
std::unique_ptr<const PreTokenizer> MakeSplit(const json::Value& json);
std::unique_ptr<const PreTokenizer> MakeUnicodeScripts();
std::unique_ptr<const PreTokenizer> MakeWhitespace();
std::unique_ptr<const PreTokenizer> MakeWhitespaceSplit();

/// "Removed", "Isolated", ... Error(kCorruptData) for another name.
SplitBehavior SplitBehaviorFromJson(const json::Value& json);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_PRE_TOKENIZER_PRE_TOKENIZER_H_
