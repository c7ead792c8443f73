// Unigram: a word becomes the pieces whose scores have the largest sum.
#ifndef BGE_TOKENIZER_MODEL_UNIGRAM_H_
#define BGE_TOKENIZER_MODEL_UNIGRAM_H_

#include "base/stop.h"
#include "tokenizer/model/model.h"
#include "tokenizer/model/piece_trie.h"
#include "tokenizer/utf8.h"

#include <array>
#include <string>
#include <vector>

namespace bge::tokenizer {

struct UnigramOptions {
  std::optional<int32_t> unk_id;
  bool byte_fallback = false;
};

class Unigram final : public Model {
 public:
  /// A piece and its score, a logarithm of its probability. The place is the id.
  struct Piece {
    std::string_view text;  ///< valid UTF-8
    double score;
  };

  /// `where` names the file and field of the pieces. Error(kCorruptData) where unk_id is no place
  /// among them or a score is not finite; Error(kUnsupported) where they are too large.
  Unigram(const std::vector<Piece>& pieces, const UnigramOptions& options, std::string where);

  /// The best way to the end of each start of a word; of one thread, reused from word to word.
  struct Place {
    double score;
    uint32_t start;  // of the last piece on that way
    uint32_t node;   // of that piece in the trie; kUnknown: a character that is no piece
  };
  using Lattice = std::vector<Place>;

  /// Cuts the `size` bytes at `word`, valid UTF-8, and calls emit(int32_t id, size_t begin, size_t
  /// end) for each token. Error(kCorruptData) where an unknown token is needed and unk_id is not
  /// set; Error(kCancelled) when `stop`, which may be null, asks.
  template <typename Emit>
  void Cut(const char* word, size_t size, const std::stop_token* stop, Lattice* lattice,
           Emit&& emit) const;

  void Tokenize(std::string_view word, const std::stop_token* stop,
                std::vector<ModelToken>* tokens) const override;
  std::optional<int32_t> TokenToId(std::string_view token) const override;
  std::optional<std::string_view> IdToToken(int32_t id) const override;
  size_t vocab_size() const override { return ends_.size(); }
  std::optional<std::string_view> TokenText(const ModelToken& token,
                                            std::string_view word) const override {
    if (token.id == unk_id_) return word.substr(token.begin, token.end - token.begin);
    return IdToToken(token.id);
  }
  const Unigram* AsUnigram() const override { return this; }

 private:
  static constexpr uint32_t kUnknown = 0xFFFFFFFE;

  void FindBest(const char* word, size_t size, const std::stop_token* stop, Place* places) const;
  [[noreturn]] void FailUnknown() const;
  // The tokens of a piece that the trie does not hold: its bytes, or the unknown one.
  template <typename Emit>
  void EmitUnknown(const char* word, size_t begin, size_t end, Emit&& emit) const;
  bool IsUnknown(uint32_t node) const {
    return node == kUnknown || (unk_id_ >= 0 && trie_.Id(node) == unk_id_);
  }

  PieceTrie trie_;
  int32_t unk_id_ = -1;  // -1: none
  double unk_score_ = 0;
  bool byte_fallback_;
  std::array<int32_t, 256> byte_ids_;  // of <0x00> and so on, or -1
  std::string where_;
  std::string text_;            // the pieces, one behind the other
  std::vector<uint32_t> ends_;  // of each piece in text_
};

/// Whether a model of tokenizer.json is one.
bool IsUnigramJson(const json::Value& json);

/// The same as the classes of transformers make it, which read the pieces without Hugging Face
/// tokenizers: scores are the nearest numbers to what the file says, and the unknown piece is the
/// class's.
std::unique_ptr<const Unigram> MakeExactUnigram(const json::Value& json, int32_t unk_id);

template <typename Emit>
void Unigram::EmitUnknown(const char* word, size_t begin, size_t end, Emit&& emit) const {
  if (byte_fallback_) {
    bool all = true;
    for (size_t i = begin; i < end; ++i) all &= byte_ids_[static_cast<uint8_t>(word[i])] >= 0;
    if (all) {
      for (size_t i = begin; i < end; ++i) {
        emit(byte_ids_[static_cast<uint8_t>(word[i])], begin, end);
      }
      return;
    }
  }
  if (unk_id_ < 0) FailUnknown();
  emit(unk_id_, begin, end);
}

template <typename Emit>
void Unigram::Cut(const char* word, size_t size, const std::stop_token* stop, Lattice* lattice,
                  Emit&& emit) const {
  if (lattice->size() < size + 1) lattice->resize(size + 1);
  Place* const places = lattice->data();
  FindBest(word, size, stop, places);
  // From the end to the start; then forward, over the same places: a piece's end is left at its
  // start.
  auto end = static_cast<uint32_t>(size);
  for (Place piece = places[end]; end > 0;) {
    const Place before = places[piece.start];
    places[piece.start].start = end;
    places[piece.start].node = piece.node;
    end = piece.start;
    piece = before;
  }
  for (uint32_t begin = 0; begin < size;) {
    const uint32_t piece_node = places[begin].node;
    uint32_t piece_end = places[begin].start;
    if (!IsUnknown(piece_node)) {
      emit(trie_.Id(piece_node), begin, piece_end);
    } else {
      // Unknown pieces in a row are one, which may be a piece of the vocabulary after all.
      while (piece_end < size && IsUnknown(places[piece_end].node)) {
        piece_end = places[piece_end].start;
      }
      const int32_t id = trie_.Find({word + begin, piece_end - begin});
      if (id >= 0) {
        emit(id, begin, piece_end);
      } else {
        EmitUnknown(word, begin, piece_end, emit);
      }
    }
    begin = piece_end;
  }
}

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_MODEL_UNIGRAM_H_
