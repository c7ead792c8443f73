// WordPiece: a word becomes the longest pieces of the vocabulary, from the left.
#ifndef BGE_TOKENIZER_MODEL_WORDPIECE_H_
#define BGE_TOKENIZER_MODEL_WORDPIECE_H_

#include "tokenizer/model/model.h"
#include "tokenizer/model/vocabulary.h"
#include "tokenizer/utf8.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bge::tokenizer {

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  int64_t max_input_chars_per_word = 100;

  bool operator==(const WordPieceOptions&) const = default;
};

class WordPiece final : public Model {
 public:
  /// `where` names the vocabulary's file and field.
  WordPiece(Vocabulary vocabulary, WordPieceOptions options, std::string where);

  /// The same vocabulary with other options.
  std::unique_ptr<const WordPiece> With(WordPieceOptions options) const {
    return std::make_unique<WordPiece>(vocabulary_, std::move(options), where_);
  }
  const WordPieceOptions& options() const { return options_; }

  void Tokenize(std::string_view word, const std::stop_token* stop,
                std::vector<ModelToken>* tokens) const override;
  std::optional<int32_t> TokenToId(std::string_view token) const override {
    return vocabulary_.Find(token);
  }
  std::optional<std::string_view> IdToToken(int32_t id) const override {
    return vocabulary_.Token(id);
  }
  size_t vocab_size() const override { return vocabulary_.size(); }
  const WordPiece* AsWordPiece() const override { return this; }

  int64_t max_input_chars_per_word() const { return options_.max_input_chars_per_word; }
  /// Error(kCorruptData) where the vocabulary has none.
  int32_t unk_id() const;

  /// Cuts the `size` bytes at `word` (behind which PieceTable::kPadding bytes can be read) and
  /// calls emit(int32_t id, size_t begin, size_t end) for each piece. False where a part is in no
  /// piece: the word is then unknown, and what was emitted does not count.
  template <typename Emit>
  bool Cut(const char* word, size_t size, Emit&& emit) const {
    const PieceTable* table = &first_;
    std::vector<uint64_t> hashes;  // of the beginnings of long candidates
    for (size_t begin = 0; begin < size; table = &continuing_) {
      size_t end = begin + table->LongestAt(word + begin, size - begin);
      const size_t least = begin + Utf8Length(word[begin]);
      if (end < least) end = least;
      if (end - begin > PieceTable::kShort) {
        table->HashBeginnings(word + begin, end - begin, &hashes);
      }
      int32_t id = -1;
      while (true) {
        while (end < size && IsUtf8Continuation(word[end])) --end;
        id = end - begin <= PieceTable::kShort
                 ? table->Find(word + begin, end - begin)
                 : table->FindHashed(word + begin, end - begin, hashes);
        if (id >= 0 || end <= least) break;
        --end;
      }
      if (id < 0) return false;
      emit(id, begin, end);
      begin = end;
    }
    return true;
  }

 private:
  Vocabulary vocabulary_;
  WordPieceOptions options_;
  std::string where_;
  std::optional<int32_t> unk_id_;
  PieceTable first_;       // what a word can start with: every token
  PieceTable continuing_;  // tokens with the prefix, without it
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_MODEL_WORDPIECE_H_
