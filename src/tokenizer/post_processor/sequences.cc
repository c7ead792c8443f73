// The steps that post-processors are made of, and the one that adds nothing.
#include "tokenizer/post_processor/post_processor.h"

namespace bge::tokenizer {
namespace {

class NoPostProcessor final : public PostProcessor {
 public:
  int64_t NumAdded(bool) const override { return 0; }
  void Process(const TokenSequence& a, const TokenSequence* b, bool, bool want_offsets,
               Encoding* encoding) const override {
    AppendSequence(a, 0, want_offsets, encoding);
    if (b != nullptr) AppendSequence(*b, 1, want_offsets, encoding);
  }
  bool Adds(int32_t) const override { return false; }
};

}  // namespace

void AppendSequence(const TokenSequence& sequence, int32_t type_id, bool want_offsets,
                    Encoding* encoding) {
  encoding->ids.insert(encoding->ids.end(), sequence.ids.begin(), sequence.ids.end());
  encoding->type_ids.resize(encoding->ids.size(), type_id);
  if (!want_offsets) return;
  encoding->offsets.insert(encoding->offsets.end(), sequence.offsets.begin(),
                           sequence.offsets.end());
  encoding->special_tokens_mask.resize(encoding->ids.size(), 0);
}

void AppendSpecial(std::span<const int32_t> ids, int32_t type_id, bool want_offsets,
                   Encoding* encoding) {
  encoding->ids.insert(encoding->ids.end(), ids.begin(), ids.end());
  encoding->type_ids.resize(encoding->ids.size(), type_id);
  if (!want_offsets) return;
  encoding->offsets.resize(encoding->ids.size(), Offset{0, 0});
  encoding->special_tokens_mask.resize(encoding->ids.size(), 1);
}

std::unique_ptr<const PostProcessor> MakeNoPostProcessor() {
  return std::make_unique<NoPostProcessor>();
}

}  // namespace bge::tokenizer
