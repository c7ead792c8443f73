// BertProcessing: [CLS] a [SEP], and b [SEP] of type 1.
#include "tokenizer/post_processor/post_processor.h"

namespace bge::tokenizer {
namespace {

class BertProcessing final : public PostProcessor {
 public:
  BertProcessing(int32_t cls_id, int32_t sep_id) : cls_{cls_id}, sep_{sep_id} {}

  int64_t NumAdded(bool pair) const override { return pair ? 3 : 2; }

  void Apply(bool add_special_tokens, TokenParts* parts) const override {
    if (add_special_tokens) parts->Wrap(cls_, {}, sep_, 1);
  }

  bool Adds(int32_t id) const override { return id == cls_[0] || id == sep_[0]; }

 private:
  int32_t cls_[1], sep_[1];
};

}  // namespace

std::unique_ptr<const PostProcessor> MakeBertProcessing(int32_t cls_id, int32_t sep_id) {
  return std::make_unique<BertProcessing>(cls_id, sep_id);
}

std::unique_ptr<const PostProcessor> MakeBertProcessing(const json::Value& json) {
  // Parity: the fields decide which of the two it is, not the name.
  if (json.Find("trim_offsets") && json.Find("add_prefix_space")) {
    return MakeRobertaProcessing(json);
  }
  return MakeBertProcessing(SpecialTokenId(json.At("cls")), SpecialTokenId(json.At("sep")));
}

}  // namespace bge::tokenizer
