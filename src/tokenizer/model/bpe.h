// BPE: a word starts as its characters, and neighbours are merged, the pair of lowest rank first.
#ifndef BGE_TOKENIZER_MODEL_BPE_H_
#define BGE_TOKENIZER_MODEL_BPE_H_

#include "tokenizer/model/merge_table.h"
#include "tokenizer/model/model.h"
#include "tokenizer/model/vocabulary.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bge::tokenizer {

struct BpeOptions {
  std::optional<std::string> unk_token;
  std::string continuing_subword_prefix;  ///< of all characters of a word but the first
  std::string end_of_word_suffix;         ///< of the last
  bool fuse_unk = false;                  ///< unknown characters in a row are one unknown token
  bool byte_fallback = false;             ///< an unknown character is its bytes: <0x0A>
  bool ignore_merges = false;             ///< a word that is a token is that token
};

/// Follows tokenizers/src/models/bpe/{model,word}.rs of Hugging Face tokenizers 0.23, where it
/// matters which of two merges comes first. A `dropout` is ignored: texts have one encoding here.
class Bpe final : public Model {
 public:
  /// Two tokens that become one; the rank is the place in the list.
  using Merge = std::pair<std::string_view, std::string_view>;

  /// `where` names the file in messages. Error(kCorruptData) for a merge whose parts or result are
  /// not in the vocabulary, Error(kUnsupported) for a prefix or suffix of more than 32 bytes.
  Bpe(Vocabulary vocabulary, const std::vector<Merge>& merges, BpeOptions options,
      std::string where);

  void Tokenize(std::string_view word, const std::stop_token* stop,
                std::vector<ModelToken>* tokens) const override;
  std::optional<int32_t> TokenToId(std::string_view token) const override {
    return vocabulary_.Find(token);
  }
  std::optional<std::string_view> IdToToken(int32_t id) const override {
    return vocabulary_.Token(id);
  }
  size_t vocab_size() const override { return vocabulary_.size(); }

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  class Word;
  struct Cache;
  struct Scratch;

  // Ids of characters; of which of the four kinds depends on where in the word they stand.
  class Characters {
   public:
    Characters() : dense_(kDense, -1) {}
    void Add(char32_t c, int32_t id);
    int32_t Find(char32_t c) const {
      if (c < kDense) return dense_[c];
      const auto found = others_.find(c);
      return found == others_.end() ? -1 : found->second;
    }

   private:
    static constexpr char32_t kDense = 0x3000;
    std::vector<int32_t> dense_;
    std::unordered_map<char32_t, int32_t> others_;
  };

  void AddMerges(const std::vector<Merge>& merges);
  void FindCharacters();
  void FindJoins();
  const Characters& CharactersAt(bool first, bool last) const {
    return characters_[last && has_suffix_ ? (first || !has_prefix_ ? 2 : 3)
                                           : (first || !has_prefix_ ? 0 : 1)];
  }
  // Whether a token holds these characters beside each other. True for some pairs that none holds.
  bool MayJoin(char32_t left, char32_t right) const {
    const uint32_t bit = JoinBit(left, right);
    return (joins_[bit >> 6] >> (bit & 63) & 1) != 0;
  }
  static uint32_t JoinBit(char32_t left, char32_t right) {
    return ((left * 0x9E3779B1u) ^ (right * 0x85EBCA77u + (right >> 7))) * 0xC2B2AE3Du >>
           (32 - kJoinBits);
  }
  void TokenizePart(std::string_view part, uint32_t begin, const std::stop_token* stop,
                    Scratch* scratch, std::vector<ModelToken>* tokens) const;
  void Merged(std::string_view part, uint32_t begin, const std::stop_token* stop, Scratch* scratch,
              std::vector<ModelToken>* tokens) const;
  void AddCharacters(std::string_view word, const std::stop_token* stop, Word* symbols) const;
  int32_t unk_id() const;

  static constexpr int kJoinBits = 19;

  Vocabulary vocabulary_;
  BpeOptions options_;
  std::string where_;
  bool has_prefix_, has_suffix_;
  bool each_token_is_one_string_ = false;  // and joining tokens joins their strings
  std::optional<int32_t> unk_id_;
  std::array<int32_t, 256> byte_ids_;  // -1: no such token
  MergeTable merges_;
  // Of first and other characters, and the same of last ones; the latter are empty without prefix
  // and suffix.
  std::array<Characters, 4> characters_;
  // Where no two words can share a token a text is cut, as far as merging goes. Empty: it is not.
  std::vector<uint64_t> joins_;
  uint64_t instance_;  // the number of this object, for the threads' caches
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_MODEL_BPE_H_
