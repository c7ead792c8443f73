// A trie over the bytes of pieces of text, made for finding every piece that starts at a place.
#ifndef BGE_TOKENIZER_MODEL_PIECE_TRIE_H_
#define BGE_TOKENIZER_MODEL_PIECE_TRIE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace bge::tokenizer {

/// Immutable after Build(); thread-safe. A double array: the child of a node for a byte lies at the
/// node's base xor the byte, if the unit there names the node as its parent. Blocks of 256 units
/// keep every such step within the array, whatever the pieces are.
class PieceTrie {
 public:
  /// Where nothing is.
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  static constexpr uint32_t kRoot = 0;
  /// Of a node that is the end of no piece. Any sum with it is no better than nothing.
  static constexpr double kNoScore = -std::numeric_limits<double>::infinity();

  struct Piece {
    std::string_view text;
    int32_t id;  ///< 0 or more
    double score;
  };

  /// Equal pieces count as the one with the highest id; an empty piece is in no text.
  /// Error(kUnsupported) where the pieces are larger than any known vocabulary; `where` names their
  /// file and field.
  void Build(const std::vector<Piece>& pieces, std::string_view where);

  /// The child of `node`, or kNone.
  uint32_t Child(uint32_t node, char byte) const {
    const uint32_t child = units_[node].base ^ static_cast<unsigned char>(byte);
    return units_[child].parent == node ? child : kNone;
  }
  double Score(uint32_t node) const { return units_[node].score; }
  /// The id of the piece that ends there, or -1.
  int32_t Id(uint32_t node) const { return ids_[node]; }
  /// The id of the piece that is `text`, or -1.
  int32_t Find(std::string_view text) const;

 private:
  struct Unit {
    uint32_t base = 0;
    uint32_t parent = kNone;
    double score = kNoScore;
  };
  class Builder;

  std::vector<Unit> units_ = std::vector<Unit>(256);
  std::vector<int32_t> ids_ = std::vector<int32_t>(256, -1);
};

}  // namespace bge::tokenizer

#endif  // BGE_TOKENIZER_MODEL_PIECE_TRIE_H_
