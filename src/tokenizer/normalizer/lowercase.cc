// Lowercase: each character by itself, as Rust's char::to_lowercase.
#include "tokenizer/normalizer/normalizer.h"
#include "tokenizer/unicode.h"

namespace bge::tokenizer {
namespace {

class Lowercase final : public Normalizer {
 public:
  void Normalize(NormalizedString* text) const override { text->MapToMany(&ToLower); }
  bool IsLowercase() const override { return true; }
};

}  // namespace

std::unique_ptr<const Normalizer> MakeLowercase() { return std::make_unique<Lowercase>(); }

}  // namespace bge::tokenizer
