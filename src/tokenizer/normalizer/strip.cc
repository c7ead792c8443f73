// Strip: removes white space at the ends.
#include "tokenizer/normalizer/normalizer.h"

namespace bge::tokenizer {
namespace {

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  bool IsStripRight() const override { return right_ && !left_; }
  void Normalize(NormalizedString* text) const override { text->Strip(left_, right_); }

 private:
  bool left_, right_;
};

}  // namespace

std::unique_ptr<const Normalizer> MakeStrip(bool left, bool right) {
  return std::make_unique<Strip>(left, right);
}

std::unique_ptr<const Normalizer> MakeStrip(const json::Value& json) {
  return MakeStrip(json.At("strip_left").AsBool(), json.At("strip_right").AsBool());
}

}  // namespace bge::tokenizer
