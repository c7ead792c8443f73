// ByteLevel: offsets without the white space at the ends of tokens.
#include "tokenizer/post_processor/post_processor.h"

namespace bge::tokenizer {
namespace {

class ByteLevelPostProcessor final : public PostProcessor {
 public:
  ByteLevelPostProcessor(bool trim_offsets, bool add_prefix_space)
      : trim_offsets_(trim_offsets), add_prefix_space_(add_prefix_space) {}

  int64_t NumAdded(bool) const override { return 0; }
  void Apply(bool, TokenParts* parts) const override {
    if (trim_offsets_) parts->TrimOffsets(add_prefix_space_);
  }
  bool Adds(int32_t) const override { return false; }
  bool TrimsOffsets() const override { return trim_offsets_; }

 private:
  bool trim_offsets_, add_prefix_space_;
};

}  // namespace

std::unique_ptr<const PostProcessor> MakeByteLevelPostProcessor(const json::Value& json) {
  return std::make_unique<ByteLevelPostProcessor>(json.At("trim_offsets").AsBool(),
                                                  json.At("add_prefix_space").AsBool());
}

}  // namespace bge::tokenizer
