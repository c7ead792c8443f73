// NFC, NFD, NFKC, NFKD: decomposition in canonical order, and composition of what was decomposed.
//
// What each step says about the characters that it replaced follows decompose.rs and recompose.rs
// of unicode-normalization-alignments, because the offsets come out of it.
#include "tokenizer/normalizer/unicode_forms.h"

#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/unicode.h"

#include <algorithm>

namespace bge::tokenizer {
namespace {

std::vector<CharacterChange> Decompose(const NormalizedString& text, Mapped (*map)(char32_t)) {
  std::vector<CharacterChange> changes;
  changes.reserve(text.text().size());
  // Characters from `pending` on are not in order yet. A starter (class 0) ends the run before it;
  // the sort is stable and moves each character's change along with it.
  size_t pending = 0;
  bool unordered = false;
  uint8_t last_class = 0;
  size_t comparisons = 0;
  const auto order = [&] {
    if (unordered) {
      std::stable_sort(changes.begin() + static_cast<ptrdiff_t>(pending), changes.end(),
                       [&](const CharacterChange& a, const CharacterChange& b) {
                         ThrowIfStopped(text.stop(), comparisons++);
                         return CombiningClass(a.character) < CombiningClass(b.character);
                       });
    }
    pending = changes.size();
    unordered = false;
  };
  const auto push = [&](char32_t c, int64_t change) {
    const uint8_t combining_class = CombiningClass(c);
    if (combining_class == 0) {
      order();
    } else if (combining_class < last_class) {
      unordered = true;
    }
    last_class = combining_class;
    changes.push_back({c, change});
  };
  text.ForEach([&](char32_t c) {
    const Mapped mapped = map(c);
    if (mapped.is_identity()) {
      push(c, 0);
      return;
    }
    int64_t change = 0;
    for (const uint32_t m : mapped.characters()) {
      push(m, change);
      change = 1;
    }
  });
  order();
  return changes;
}

std::vector<CharacterChange> Recompose(const std::vector<CharacterChange>& decomposed,
                                       const std::stop_token* stop) {
  std::vector<CharacterChange> composed;
  composed.reserve(decomposed.size());
  std::vector<CharacterChange> waiting;  // marks behind the starter that did not compose with it
  CharacterChange starter{0, 0};
  bool has_starter = false;
  uint8_t last_class = 0;  // of the last of `waiting`
  const auto flush = [&] {
    composed.push_back(starter);
    composed.insert(composed.end(), waiting.begin(), waiting.end());
    waiting.clear();
  };
  for (size_t step = 0; step < decomposed.size(); ++step) {
    ThrowIfStopped(stop, step);
    const CharacterChange& next = decomposed[step];
    const uint8_t combining_class = CombiningClass(next.character);
    if (!has_starter) {
      if (combining_class != 0) {
        composed.push_back(next);
      } else {
        starter = next;
        has_starter = true;
      }
      continue;
    }
    const bool blocked = !waiting.empty() && last_class >= combining_class;
    const char32_t composite = blocked ? 0 : Compose(starter.character, next.character);
    if (composite != 0) {
      starter = {composite, starter.change + next.change - 1};
    } else if (combining_class == 0) {
      flush();
      starter = next;
    } else {
      waiting.push_back(next);
      last_class = combining_class;
    }
  }
  if (has_starter) flush();
  return composed;
}

template <void (*form)(NormalizedString*)>
class UnicodeForm final : public Normalizer {
 public:
  void Normalize(NormalizedString* text) const override { form(text); }
};

}  // namespace

void ToNfc(NormalizedString* text) {
  // Characters in front of U+0300 compose to what they were.
  if (text->HasBytesBelow(0xCC)) return;
  text->Transform(Recompose(Decompose(*text, &DecomposeCanonical), text->stop()), 0);
}
void ToNfd(NormalizedString* text) {
  if (text->HasBytesBelow(0x80)) return;
  text->Transform(Decompose(*text, &DecomposeCanonical), 0);
}
void ToNfkc(NormalizedString* text) {
  if (text->HasBytesBelow(0x80)) return;
  text->Transform(Recompose(Decompose(*text, &DecomposeCompatible), text->stop()), 0);
}
void ToNfkd(NormalizedString* text) {
  if (text->HasBytesBelow(0x80)) return;
  text->Transform(Decompose(*text, &DecomposeCompatible), 0);
}

std::unique_ptr<const Normalizer> MakeNfc() { return std::make_unique<UnicodeForm<&ToNfc>>(); }
std::unique_ptr<const Normalizer> MakeNfd() { return std::make_unique<UnicodeForm<&ToNfd>>(); }
std::unique_ptr<const Normalizer> MakeNfkc() { return std::make_unique<UnicodeForm<&ToNfkc>>(); }
std::unique_ptr<const Normalizer> MakeNfkd() { return std::make_unique<UnicodeForm<&ToNfkd>>(); }

}  // namespace bge::tokenizer
