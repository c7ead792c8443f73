// Added tokens: strings that are tokens wherever they stand, found before the model sees the text.
//
// Follows tokenizers/src/tokenizer/added_vocabulary.rs of Hugging Face tokenizers 0.23.
#ifndef BGE_TOKENIZER_ADDED_VOCABULARY_H_
#define BGE_TOKENIZER_ADDED_VOCABULARY_H_

#include "tokenizer/model/model.h"
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/pretokenized_string.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace bge::tokenizer {

struct AddedToken {
  std::string content;
  bool single_word = false;  ///< not inside a word
  bool lstrip = false;       ///< takes the white space on its left
  bool rstrip = false;       ///< takes the white space on its right
  bool normalized = true;    ///< is looked for, normalised, in the normalised text
  bool special = false;      ///< left out when decoding

  bool operator==(const AddedToken&) const = default;
};

/// A set of strings found leftmost first, and the longest of those.
class TokenMatcher {
 public:
  void Add(std::string_view content, int32_t id);
  bool empty() const { return empty_; }
  /// The bytes with which the strings begin.
  std::string Starts() const;
  /// Bytes of the longest string.
  size_t longest() const { return longest_; }

  struct Match {
    ByteRange range;
    int32_t id;
  };
  /// The first match at or after `from`. Error(kCancelled) when `stop`, which may be null, asks.
  std::optional<Match> Find(std::string_view text, size_t from,
                            const std::stop_token* stop = nullptr) const;

 private:
  size_t NextCandidate(std::string_view text, size_t from) const;

  bool empty_ = true;
  size_t longest_ = 0;
  std::array<bool, 256> starts_{};               // first bytes of the strings
  std::optional<char> only_start_;               // where there is just one
  std::vector<int32_t> ids_ = {-1};              // by trie node: the string that ends there
  std::unordered_map<uint64_t, uint32_t> next_;  // node << 8 | byte
};

/// The added tokens of one tokenizer. Immutable once filled; thread-safe.
class AddedVocabulary {
 public:
  /// Adds tokens in order; the id is the model's where it knows the content, else the next free
  /// one. Empty contents are left out. `normalizer` may be null.
  void Add(const std::vector<AddedToken>& tokens, const Model& model, const Normalizer* normalizer);

  /// A cut of a text: a token, or what lies between tokens.
  struct Cut {
    ByteRange range;
    std::optional<int32_t> id;
  };
  // These end with Error(kCancelled) when `stop` asks; it may be null.

  /// Cuts of `text` at the tokens that are looked for in the text as it was given.
  void FindInOriginal(std::string_view text, const std::stop_token* stop,
                      std::vector<Cut>* cuts) const {
    Find(original_, text, stop, cuts);
  }
  /// The same for the start of a longer text: the cuts up to byte `end`, which are the longer
  /// text's if at least lookahead() bytes of `text` lie behind `end`. The last one may be part of a
  /// cut that is no token.
  void FindInStart(std::string_view text, size_t end, const std::stop_token* stop,
                   std::vector<Cut>* cuts) const;
  size_t lookahead() const { return original_.longest(); }
  /// As FindInOriginal, for those that are looked for in normalised text.
  void FindInNormalized(std::string_view text, const std::stop_token* stop,
                        std::vector<Cut>* cuts) const {
    Find(normalized_, text, stop, cuts);
  }
  bool any_normalized() const { return !normalized_.empty(); }
  /// The bytes with which those begin.
  std::string NormalizedStarts() const { return normalized_.Starts(); }

  std::optional<int32_t> TokenToId(std::string_view token) const;
  /// What decoding writes for an id: the content, normalised where the token is.
  std::optional<std::string_view> IdToToken(int32_t id) const;
  /// Whether `token` is the content of a special token.
  bool IsSpecial(std::string_view token) const;
  /// Whether the token with this id is special.
  bool IsSpecialId(int32_t id) const;
  /// Number of contents that the model does not know.
  size_t CountUnknownTo(const Model& model) const;

 private:
  struct Entry {
    AddedToken token;
    std::string normalized;  // content, normalised where the token is
  };
  void Find(const TokenMatcher& matcher, std::string_view text, const std::stop_token* stop,
            std::vector<Cut>* cuts) const;

  std::map<std::string, int32_t, std::less<>> ids_;
  std::map<int32_t, Entry> by_id_;
  std::unordered_set<std::string> special_;
  TokenMatcher original_, normalized_;
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_ADDED_VOCABULARY_H_
