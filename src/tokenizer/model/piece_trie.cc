#include "tokenizer/model/piece_trie.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace bge::tokenizer {
namespace {

// XLM-R has a million nodes and pieces of up to 48 bytes.
constexpr size_t kMostUnits = size_t{1} << 24;
constexpr size_t kMostPieceBytes = 4096;
constexpr size_t kBlock = 256;
// Blocks in which room for a node's children is looked for.
constexpr size_t kOpenBlocks = 16;

// The free units of a block.
struct FreeUnits {
  std::array<uint64_t, 4> words{~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}};

  bool any() const { return (words[0] | words[1] | words[2] | words[3]) != 0; }
  void Take(size_t i) { words[i >> 6] &= ~(uint64_t{1} << (i & 63)); }
  size_t First() const {
    size_t word = 0;
    while (words[word] == 0) ++word;
    return word << 6 | static_cast<size_t>(std::countr_zero(words[word]));
  }
  // Those i for which i xor `byte` is free.
  FreeUnits Moved(uint8_t byte) const {
    constexpr std::array<uint64_t, 6> kLow = {0x5555555555555555u, 0x3333333333333333u,
                                              0x0F0F0F0F0F0F0F0Fu, 0x00FF00FF00FF00FFu,
                                              0x0000FFFF0000FFFFu, 0x00000000FFFFFFFFu};
    FreeUnits result;
    for (size_t i = 0; i < 4; ++i) {
      uint64_t word = words[i ^ byte >> 6];
      for (size_t bit = 0; bit < 6; ++bit) {
        if ((byte >> bit & 1) == 0) continue;
        const int shift = 1 << bit;
        word = (word & kLow[bit]) << shift | (word >> shift & kLow[bit]);
      }
      result.words[i] = word;
    }
    return result;
  }
  void And(const FreeUnits& other) {
    for (size_t i = 0; i < 4; ++i) words[i] &= other.words[i];
  }
};

}  // namespace

class PieceTrie::Builder {
 public:
  Builder(std::string_view where, std::vector<Unit>* units, std::vector<int32_t>* ids)
      : where_(where), units_(units), ids_(ids) {
    units_->clear();
    ids_->clear();
    AddBlock();
    open_.back().free.Take(kRoot);
  }

  // `pieces` in the order of their bytes, and of their ids where they are equal.
  void Add(const std::vector<Piece>& pieces) {
    std::vector<Range> waiting = {{kRoot, 0, pieces.size(), 0}};
    std::vector<Range> children;
    while (!waiting.empty()) {
      const Range range = waiting.back();
      waiting.pop_back();
      size_t i = range.begin;
      for (; i < range.end && pieces[i].text.size() == range.depth; ++i) {
        if (range.depth == 0) continue;
        (*units_)[range.node].score = pieces[i].score;
        (*ids_)[range.node] = pieces[i].id;
      }
      children.clear();
      labels_.clear();
      for (size_t begin = i; i < range.end; ++i) {
        const auto label = static_cast<uint8_t>(pieces[i].text[range.depth]);
        if (i == begin || label != labels_.back()) {
          labels_.push_back(label);
          children.push_back({0, i, i, range.depth + 1});
        }
        children.back().end = i + 1;
      }
      if (labels_.empty()) continue;
      const uint32_t base = FindRoom();
      (*units_)[range.node].base = base;
      for (size_t k = labels_.size(); k-- > 0;) {
        const uint32_t child = base ^ labels_[k];
        (*units_)[child].parent = range.node;
        children[k].node = child;
        waiting.push_back(children[k]);
      }
    }
  }

 private:
  // The pieces below a node.
  struct Range {
    uint32_t node;
    size_t begin, end;
    size_t depth;  // bytes in front
  };
  struct Block {
    size_t number;
    FreeUnits free;
  };

  // A base with which the units of all labels_ are free; they are taken.
  uint32_t FindRoom() {
    for (size_t attempt = 0;; ++attempt) {
      for (size_t b = 0; b < open_.size(); ++b) {
        FreeUnits bases = open_[b].free;
        if (labels_.size() == 1 || !bases.any()) {
          if (bases.any()) return Take(b, open_[b].free.First() ^ labels_[0]);
          continue;
        }
        bases = bases.Moved(labels_[0]);
        for (size_t k = 1; k < labels_.size() && bases.any(); ++k) {
          bases.And(open_[b].free.Moved(labels_[k]));
        }
        if (bases.any()) return Take(b, bases.First());
      }
      AddBlock();
    }
  }

  uint32_t Take(size_t open, size_t base) {
    for (const uint8_t label : labels_) open_[open].free.Take(base ^ label);
    return static_cast<uint32_t>(open_[open].number * kBlock + base);
  }

  void AddBlock() {
    if (units_->size() >= kMostUnits) {
      Fail(ErrorCode::kUnsupported, "the vocabulary's trie is larger than 16 million nodes", where_,
           "expected the pieces of a language model");
    }
    if (open_.size() == kOpenBlocks) open_.erase(open_.begin());
    open_.push_back({units_->size() / kBlock, {}});
    units_->resize(units_->size() + kBlock);
    ids_->resize(units_->size(), -1);
  }

  std::string_view where_;
  std::vector<Unit>* const units_;
  std::vector<int32_t>* const ids_;
  std::vector<Block> open_;
  std::vector<uint8_t> labels_;
};

void PieceTrie::Build(const std::vector<Piece>& pieces, std::string_view where) {
  // Sorted by their first eight bytes as one number, which settles most comparisons.
  struct Keyed {
    uint64_t start;
    uint32_t index;
  };
  std::vector<Keyed> order;
  order.reserve(pieces.size());
  for (uint32_t i = 0; i < pieces.size(); ++i) {
    const std::string_view text = pieces[i].text;
    if (text.size() > kMostPieceBytes) {
      Fail(ErrorCode::kUnsupported, "a piece of " + std::to_string(text.size()) + " bytes", where,
           "expected at most 4096");
    }
    uint64_t start = 0;
    for (size_t k = 0; k < 8; ++k) {
      start = start << 8 | (k < text.size() ? static_cast<unsigned char>(text[k]) : 0u);
    }
    order.push_back({start, i});
  }
  std::sort(order.begin(), order.end(), [&](const Keyed& a, const Keyed& b) {
    if (a.start != b.start) return a.start < b.start;
    const int compared = pieces[a.index].text.compare(pieces[b.index].text);
    if (compared != 0) return compared < 0;
    return pieces[a.index].id < pieces[b.index].id;
  });
  std::vector<Piece> sorted;
  sorted.reserve(pieces.size());
  for (const Keyed& key : order) sorted.push_back(pieces[key.index]);
  Builder(where, &units_, &ids_).Add(sorted);
}

int32_t PieceTrie::Find(std::string_view text) const {
  uint32_t node = kRoot;
  for (const char c : text) {
    node = Child(node, c);
    if (node == kNone) return -1;
  }
  return node == kRoot ? -1 : Id(node);
}

}  // namespace bge::tokenizer
