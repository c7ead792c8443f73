// Prepend: puts a string in front of a text that is not empty.
#include "tokenizer/normalizer/normalizer.h"

namespace bge::tokenizer {
namespace {

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string_view prefix) : prefix_(prefix) {}
  void Normalize(NormalizedString* text) const override { text->Prepend(prefix_); }

 private:
  std::string prefix_;
};

}  // namespace

std::unique_ptr<const Normalizer> MakePrepend(std::string_view prefix) {
  return std::make_unique<Prepend>(prefix);
}

std::unique_ptr<const Normalizer> MakePrepend(const json::Value& json) {
  return MakePrepend(json.At("prepend").AsString());
}

}  // namespace bge::tokenizer
