// Nmt: the cleaning of Google's translation models; white space of any kind becomes a space.
#include "tokenizer/normalizer/normalizer.h"

namespace bge::tokenizer {
namespace {

bool IsRemoved(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
         c == 0x8F || c == 0x9F;
}

bool IsSpace(char32_t c) {
  switch (c) {
    case 0x09:
    case 0x0A:
    case 0x0C:
    case 0x0D:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x2581:
    case 0xFEFF:
    case 0xFFFD:
      return true;
    default:
      return c >= 0x200B && c <= 0x200F;
  }
}

class Nmt final : public Normalizer {
 public:
  void Normalize(NormalizedString* text) const override {
    text->Filter([](char32_t c) { return !IsRemoved(c); });
    text->Map([](char32_t c) { return IsSpace(c) ? U' ' : c; });
  }
};

}  // namespace

std::unique_ptr<const Normalizer> MakeNmt() { return std::make_unique<Nmt>(); }

}  // namespace bge::tokenizer
