// The third stage: a word becomes tokens. One class for each JSON type, in its own file.
#ifndef BGE_TOKENIZER_MODEL_MODEL_H_
#define BGE_TOKENIZER_MODEL_MODEL_H_

#include "base/json.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

class Unigram;
class WordPiece;

/// A token and the bytes of its word that it covers. BPE may count bytes that the word does not
/// have, behind its end (tokenizer.cc says what offsets those get).
struct ModelToken {
  int32_t id;
  uint32_t begin, end;
};

/// Immutable and thread-safe.
class Model {
 public:
  virtual ~Model() = default;

  /// Appends the tokens of `word` (valid UTF-8, not empty). Error(kCorruptData) where the model
  /// would need an unknown token that its vocabulary lacks; Error(kCancelled) where that takes long
  /// and `stop`, which may be null, asks.
  virtual void Tokenize(std::string_view word, const std::stop_token* stop,
                        std::vector<ModelToken>* tokens) const = 0;

  virtual std::optional<int32_t> TokenToId(std::string_view token) const = 0;
  virtual std::optional<std::string_view> IdToToken(int32_t id) const = 0;
  virtual size_t vocab_size() const = 0;

  /// What the token of `word` says, as upstream's Token::value: an unknown token of Unigram is the
  /// word's own text.
  virtual std::optional<std::string_view> TokenText(const ModelToken& token,
                                                    std::string_view) const {
    return IdToToken(token.id);
  }

  /// This, where it is one; for the fast path.
  virtual const WordPiece* AsWordPiece() const { return nullptr; }
  virtual const Unigram* AsUnigram() const { return nullptr; }
};

/// By the "type" of `json`: the registry of this stage. Errors as NormalizerFromJson. A model
/// without a type, as old files have it, is a BPE, WordPiece, WordLevel or Unigram by its fields.
std::unique_ptr<const Model> ModelFromJson(const json::Value& json);

// What the rows of the registry make; each in the file of its name.
std::unique_ptr<const Model> MakeBpe(const json::Value& json);
std::unique_ptr<const Model> MakeUnigram(const json::Value& json);
std::unique_ptr<const Model> MakeWordPiece(const json::Value& json);
std::unique_ptr<const Model> MakeWordLevel(const json::Value& json);

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_MODEL_MODEL_H_
