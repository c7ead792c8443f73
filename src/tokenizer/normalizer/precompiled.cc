#include "tokenizer/normalizer/precompiled.h"

#include "base/error.h"
#include "tokenizer/base64.h"
#include "tokenizer/segmentation.h"
#include "tokenizer/utf8.h"

namespace bge::tokenizer {
namespace {

// A unit of the double array, as Darts-clone lays it out.
bool HasLeaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t ValueOf(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t LabelOf(uint32_t unit) { return unit & 0x800000FF; }
uint32_t OffsetOf(uint32_t unit) { return (unit >> 10) << ((unit & 1u << 9) >> 6); }

uint32_t ReadU32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << 8 * i;
  }
  return value;
}

}  // namespace

Precompiled::Precompiled(std::string_view charsmap, std::string_view where) {
  if (charsmap.empty()) return;
  const uint64_t size = charsmap.size() < 4 ? 0 : ReadU32(charsmap, 0);
  // Parity: bytes behind the last whole unit belong to the strings.
  const uint64_t units = size / 4;
  if (charsmap.size() < 4 || units == 0 || 4 + units * 4 > charsmap.size()) {
    Fail(ErrorCode::kCorruptData,
         "found " + std::to_string(charsmap.size()) + " bytes, of which the first state " +
             std::to_string(size) + " bytes of double array",
         where, "expected sentencepiece's precompiled_charsmap");
  }
  units_.reserve(units);
  for (uint64_t i = 0; i < units; ++i) units_.push_back(ReadU32(charsmap, 4 + i * 4));
  strings_ = charsmap.substr(4 + units * 4);
  if (const size_t valid = ValidUtf8Prefix(strings_); valid < strings_.size()) {
    Fail(ErrorCode::kCorruptData,
         "byte " + std::to_string(4 + units * 4 + valid) + " of the charsmap is not UTF-8", where,
         "expected strings in UTF-8 behind the double array");
  }
}

// Parity: upstream panics where a step leads out of the array, or a value out of the strings or
// into a character; here the map has nothing there.
std::optional<std::string_view> Precompiled::Find(std::string_view cluster) const {
  if (units_.empty()) return std::nullopt;
  size_t node = OffsetOf(units_[0]);
  for (const char c : cluster) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return std::nullopt;
    node ^= byte;
    if (node >= units_.size()) return std::nullopt;
    const uint32_t unit = units_[node];
    if (LabelOf(unit) != byte) return std::nullopt;
    node ^= OffsetOf(unit);
    if (!HasLeaf(unit)) continue;
    if (node >= units_.size()) return std::nullopt;
    const size_t begin = ValueOf(units_[node]);
    if (begin > strings_.size()) return std::nullopt;
    if (begin < strings_.size() && IsUtf8Continuation(strings_[begin])) return std::nullopt;
    const std::string_view rest = std::string_view(strings_).substr(begin);
    return rest.substr(0, rest.find('\0'));
  }
  return std::nullopt;
}

namespace {

// The changes of one text, in the words of normalizer.rs.
class Changes {
 public:
  explicit Changes(const NormalizedString& text) : text_(text) {
    changes_.reserve(text.text().size());
  }

  void Keep(std::string_view character) {
    const char* p = character.data();
    changes_.push_back({DecodeUtf8(p), 0});
  }

  void Replace(std::string_view old_part, std::string_view new_part) {
    modified_ = true;
    text_.CheckGrowth(bytes_ += new_part.size());
    const auto old_count = static_cast<int64_t>(CountCharacters(old_part));
    int64_t added = 0;
    for (const char* p = new_part.data(); p < new_part.data() + new_part.size(); ++added) {
      const char32_t c = DecodeUtf8(p);
      changes_.push_back({c, added < old_count ? 0 : 1});
    }
    // Parity: what is removed in front of everything else is lost, and all that follows is found
    // one character too early.
    if (added < old_count && !changes_.empty()) changes_.back().change -= old_count - added;
  }

  void Apply(NormalizedString* text) const {
    if (modified_) text->Transform(changes_, 0);
  }

 private:
  const NormalizedString& text_;
  std::vector<CharacterChange> changes_;
  size_t bytes_ = 0;
  bool modified_ = false;
};

}  // namespace

void Precompiled::Normalize(NormalizedString* normalized) const {
  const std::string_view text = normalized->text();
  if (text.empty() || units_.empty()) return;
  Changes changes(*normalized);
  GraphemeBoundaries boundaries;
  const char* first = text.data();
  boundaries.Joins(GraphemeProperties(DecodeUtf8(first)));
  for (size_t begin = 0, step = 0; begin < text.size(); ++step) {
    ThrowIfStopped(normalized->stop(), step);
    const std::string_view cluster =
        text.substr(begin, ClusterEnd(text.substr(begin), &boundaries));
    begin += cluster.size();
    if (cluster.size() < kWholeClusterBytes) {
      if (const auto found = Find(cluster)) {
        changes.Replace(cluster, *found);
        continue;
      }
    }
    for (size_t i = 0, characters = 0; i < cluster.size(); ++characters) {
      ThrowIfStopped(normalized->stop(), characters);
      const std::string_view character = cluster.substr(i, Utf8Length(cluster[i]));
      i += character.size();
      if (const auto found = Find(character)) {
        changes.Replace(character, *found);
      } else {
        changes.Keep(character);
      }
    }
  }
  changes.Apply(normalized);
}

std::unique_ptr<const Normalizer> MakePrecompiled(const json::Value& json) {
  const json::Value charsmap = json.At("precompiled_charsmap");
  std::string bytes;
  if (!DecodeBase64(charsmap.AsString(), &bytes)) {
    charsmap.Fail("the text is not base64", "expected sentencepiece's precompiled_charsmap");
  }
  return std::make_unique<Precompiled>(bytes, charsmap.Where());
}

std::unique_ptr<const Normalizer> MakePrecompiled(std::string_view charsmap,
                                                  std::string_view where) {
  return std::make_unique<Precompiled>(charsmap, where);
}

}  // namespace bge::tokenizer
