#include "tokenizer/model/unigram.h"

#include "base/error.h"
#include "base/per_thread.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace bge::tokenizer {
namespace {

constexpr double kUnknownPenalty = 10.0;
// Sums of as many scores as a text has bytes stay finite.
constexpr double kLargestScore = 1e290;

// Parity: serde_json, which upstream reads files with, takes the digits as an integer and
// multiplies or divides by a power of ten, which can be a unit in the last place beside the number.
// Sums that tie show it. What the digits are is taken from the shortest form of the number, in
// which these files are written.
double AsSerdeReads(double exact) {
  if (!std::isfinite(exact)) return exact;
  std::array<char, 40> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), std::abs(exact),
                                          std::chars_format::scientific);
  if (error != std::errc()) return exact;
  uint64_t digits = 0;
  int decimals = 0;
  bool in_decimals = false;
  const char* p = text.data();
  for (; p < end && *p != 'e'; ++p) {
    if (*p == '.') {
      in_decimals = true;
      continue;
    }
    digits = digits * 10 + static_cast<uint64_t>(*p - '0');
    decimals += in_decimals;
  }
  int exponent = 0;
  if (p + 1 < end) std::from_chars(p + (p[1] == '+' ? 2 : 1), end, exponent);
  exponent -= decimals;
  constexpr int kLargestPower = 308;
  constexpr int kLargestExact = 22;
  auto value = static_cast<double>(digits);
  if (exponent < -kLargestPower || exponent > kLargestPower) return exact;
  const int power = std::abs(exponent);
  double scale = 1;
  if (power <= kLargestExact) {
    for (int i = 0; i < power; ++i) scale *= 10;
  } else {
    const std::string literal = "1e" + std::to_string(power);
    std::from_chars(literal.data(), literal.data() + literal.size(), scale);
  }
  value = exponent < 0 ? value / scale : value * scale;
  return std::signbit(exact) ? -value : value;
}

}  // namespace

Unigram::Unigram(const std::vector<Piece>& pieces, const UnigramOptions& options, std::string where)
    : byte_fallback_(options.byte_fallback), where_(std::move(where)) {
  if (options.unk_id) {
    if (*options.unk_id < 0 || static_cast<size_t>(*options.unk_id) >= pieces.size()) {
      Fail(ErrorCode::kCorruptData,
           "unk_id is " + std::to_string(*options.unk_id) + " among " +
               std::to_string(pieces.size()) + " pieces",
           where_, "expected the place of the unknown piece");
    }
    unk_id_ = *options.unk_id;
  }
  double least = std::numeric_limits<double>::infinity();
  size_t bytes = 0;
  for (const Piece& piece : pieces) bytes += piece.text.size();
  if (bytes > std::numeric_limits<uint32_t>::max()) {
    Fail(ErrorCode::kUnsupported, "pieces of more than 4 GiB", where_, "expected a few megabytes");
  }
  text_.reserve(bytes);
  ends_.reserve(pieces.size());
  for (const Piece& piece : pieces) {
    if (!(std::abs(piece.score) <= kLargestScore)) {
      Fail(ErrorCode::kCorruptData,
           "the score of '" + Printable(piece.text, 40) + "' is not finite", where_,
           "expected logarithms of probabilities");
    }
    least = std::min(least, piece.score);
    text_.append(piece.text);
    ends_.push_back(static_cast<uint32_t>(text_.size()));
  }
  unk_score_ = least - kUnknownPenalty;
  std::vector<PieceTrie::Piece> nodes;
  nodes.reserve(pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i) {
    nodes.push_back({pieces[i].text, static_cast<int32_t>(i), pieces[i].score});
  }
  trie_.Build(nodes, where_);
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const std::array<char, 6> name = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
    byte_ids_[byte] = trie_.Find({name.data(), name.size()});
  }
}

void Unigram::FailUnknown() const {
  Fail(ErrorCode::kCorruptData, "an unknown character, and no unknown piece", where_,
       "unk_id must be the place of one");
}

// Of candidates with equal sums the first counts: those that start earlier, and then the shorter.
void Unigram::FindBest(const char* word, size_t size, const std::stop_token* stop,
                       Place* places) const {
  places[0].score = 0;
  places[0].node = kUnknown;
  for (size_t i = 1; i <= size; ++i) places[i].score = PieceTrie::kNoScore;
  for (size_t start = 0; start < size;) {
    ThrowIfStopped(stop, start);
    const double before = places[start].score;
    const size_t next = start + Utf8Length(word[start]);
    uint32_t node = PieceTrie::kRoot;
    size_t at = start;
    do {
      node = trie_.Child(node, word[at++]);
    } while (node != PieceTrie::kNone && at < next);
    const auto consider = [&](size_t end, double score, uint32_t last) {
      if (score > places[end].score) places[end] = {score, static_cast<uint32_t>(start), last};
    };
    if (node == PieceTrie::kNone || trie_.Score(node) == PieceTrie::kNoScore) {
      const double score = unk_score_ + before;
      if (score > places[next].score) {
        if (unk_id_ < 0) FailUnknown();
        places[next] = {score, static_cast<uint32_t>(start), kUnknown};
      }
    } else {
      consider(next, trie_.Score(node) + before, node);
    }
    if (node != PieceTrie::kNone) {
      for (at = next; at < size;) {
        node = trie_.Child(node, word[at++]);
        if (node == PieceTrie::kNone) break;
        consider(at, trie_.Score(node) + before, node);
      }
    }
    start = next;
  }
}

void Unigram::Tokenize(std::string_view word, const std::stop_token* stop,
                       std::vector<ModelToken>* tokens) const {
  static PerThread<Lattice> lattices;
  Lattice& lattice = lattices.Get();
  Cut(word.data(), word.size(), stop, &lattice, [&](int32_t id, size_t begin, size_t end) {
    tokens->push_back({id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  });
  // One huge word must not hold its memory for ever.
  constexpr size_t kMostPlacesKept = 1 << 16;
  if (lattice.size() > kMostPlacesKept) lattice = Lattice();
}

std::optional<int32_t> Unigram::TokenToId(std::string_view token) const {
  const int32_t id = trie_.Find(token);
  if (id < 0) return std::nullopt;
  return id;
}

std::optional<std::string_view> Unigram::IdToToken(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= ends_.size()) return std::nullopt;
  const auto i = static_cast<size_t>(id);
  const uint32_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(begin, ends_[i] - begin);
}

namespace {

std::unique_ptr<const Unigram> FromPieces(const json::Value& json, const UnigramOptions& options,
                                          double (*read)(double)) {
  const json::Value vocab = json.At("vocab");
  std::vector<Unigram::Piece> pieces;
  pieces.reserve(vocab.size());
  vocab.ForEachElement([&](json::Value entry) {
    if (!entry.is_array() || entry.size() != 2) {
      entry.Fail("found " + std::string(json::TypeName(entry.type())) + " of another form",
                 "expected an array of a piece and its score");
    }
    Unigram::Piece piece{};
    size_t member = 0;
    entry.ForEachElement([&](json::Value value) {
      if (member++ == 0) {
        piece.text = value.AsString();
      } else {
        piece.score = read(value.AsDouble());
      }
    });
    pieces.push_back(piece);
  });
  return std::make_unique<Unigram>(pieces, options, vocab.Where());
}

}  // namespace

bool IsUnigramJson(const json::Value& json) {
  if (const auto type = json.Find("type"))
    return type->is_string() && type->AsString() == "Unigram";
  const auto vocab = json.Find("vocab");
  return vocab && vocab->is_array();
}

std::unique_ptr<const Model> MakeUnigram(const json::Value& json) {
  UnigramOptions options;
  if (const auto unk_id = json.FindNonNull("unk_id")) {
    options.unk_id = static_cast<int32_t>(unk_id->AsIntIn(0, std::numeric_limits<int32_t>::max()));
  }
  if (const auto fallback = json.Find("byte_fallback")) options.byte_fallback = fallback->AsBool();
  return FromPieces(json, options, &AsSerdeReads);
}

std::unique_ptr<const Unigram> MakeExactUnigram(const json::Value& json, int32_t unk_id) {
  return FromPieces(json, {.unk_id = unk_id}, [](double exact) { return exact; });
}

}  // namespace bge::tokenizer
