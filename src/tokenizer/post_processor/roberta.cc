// RobertaProcessing: <s> a </s>, and </s> b </s>, all of type 0; offsets without white space.
#include "tokenizer/post_processor/post_processor.h"

namespace bge::tokenizer {
namespace {

class RobertaProcessing final : public PostProcessor {
 public:
  RobertaProcessing(int32_t cls_id, int32_t sep_id, bool trim_offsets, bool add_prefix_space)
      : cls_{cls_id},
        sep_{sep_id},
        trim_offsets_(trim_offsets),
        add_prefix_space_(add_prefix_space) {}

  int64_t NumAdded(bool pair) const override { return pair ? 4 : 2; }

  void Apply(bool add_special_tokens, TokenParts* parts) const override {
    if (trim_offsets_) parts->TrimOffsets(add_prefix_space_);
    parts->SetTypes(0);
    if (add_special_tokens) parts->Wrap(cls_, sep_, sep_, 0);
  }

  bool Adds(int32_t id) const override { return id == cls_[0] || id == sep_[0]; }
  bool TrimsOffsets() const override { return trim_offsets_; }

 private:
  int32_t cls_[1], sep_[1];
  bool trim_offsets_, add_prefix_space_;
};

}  // namespace

std::unique_ptr<const PostProcessor> MakeRobertaProcessing(int32_t cls_id, int32_t sep_id) {
  return std::make_unique<RobertaProcessing>(cls_id, sep_id, /*trim_offsets=*/true,
                                             /*add_prefix_space=*/false);
}

std::unique_ptr<const PostProcessor> MakeRobertaProcessing(const json::Value& json) {
  const auto trim_offsets = json.Find("trim_offsets");
  const auto add_prefix_space = json.Find("add_prefix_space");
  // Parity: without one of these it is a BertProcessing.
  if (!trim_offsets || !add_prefix_space) return MakeBertProcessing(json);
  return std::make_unique<RobertaProcessing>(SpecialTokenId(json.At("cls")),
                                             SpecialTokenId(json.At("sep")), trim_offsets->AsBool(),
                                             add_prefix_space->AsBool());
}

}  // namespace bge::tokenizer
