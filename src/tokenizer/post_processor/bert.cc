// BertProcessing: [CLS] a [SEP], and b [SEP] of type 1.
#include "tokenizer/post_processor/post_processor.h"

#include <limits>

namespace bge::tokenizer {
namespace {

class BertProcessing final : public PostProcessor {
 public:
  BertProcessing(int32_t cls_id, int32_t sep_id) : cls_{cls_id}, sep_{sep_id} {}

  int64_t NumAdded(bool pair) const override { return pair ? 3 : 2; }

  void Process(const TokenSequence& a, const TokenSequence* b, bool add_special_tokens,
               bool want_offsets, Encoding* encoding) const override {
    if (add_special_tokens) AppendSpecial(cls_, 0, want_offsets, encoding);
    AppendSequence(a, 0, want_offsets, encoding);
    if (add_special_tokens) AppendSpecial(sep_, 0, want_offsets, encoding);
    if (b == nullptr) return;
    AppendSequence(*b, 1, want_offsets, encoding);
    if (add_special_tokens) AppendSpecial(sep_, 1, want_offsets, encoding);
  }

  bool Adds(int32_t id) const override { return id == cls_[0] || id == sep_[0]; }

 private:
  int32_t cls_[1], sep_[1];
};

// ["[SEP]", 102]
int32_t IdOf(const json::Value& json) {
  if (json.size() != 2 || !json.is_array()) json.Fail("found no pair", "expected [token, id]");
  const auto elements = json.Elements();
  elements[0].AsString();
  return static_cast<int32_t>(elements[1].AsIntIn(0, std::numeric_limits<int32_t>::max()));
}

}  // namespace

std::unique_ptr<const PostProcessor> MakeBertProcessing(int32_t cls_id, int32_t sep_id) {
  return std::make_unique<BertProcessing>(cls_id, sep_id);
}

std::unique_ptr<const PostProcessor> MakeBertProcessing(const json::Value& json) {
  return MakeBertProcessing(IdOf(json.At("cls")), IdOf(json.At("sep")));
}

}  // namespace bge::tokenizer
