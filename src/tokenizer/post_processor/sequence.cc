// Sequence: post-processors one after the other.
#include "tokenizer/post_processor/post_processor.h"
#include "tokenizer/stage_registry.h"

#include <algorithm>

namespace bge::tokenizer {
namespace {

class PostProcessorSequence final : public PostProcessor {
 public:
  explicit PostProcessorSequence(std::vector<std::unique_ptr<const PostProcessor>> members)
      : members_(std::move(members)) {}

  int64_t NumAdded(bool pair) const override {
    int64_t count = 0;
    for (const auto& member : members_) count += member->NumAdded(pair);
    return count;
  }
  void Apply(bool add_special_tokens, TokenParts* parts) const override {
    for (const auto& member : members_) member->Apply(add_special_tokens, parts);
  }
  bool Adds(int32_t id) const override {
    return std::any_of(members_.begin(), members_.end(),
                       [id](const auto& member) { return member->Adds(id); });
  }
  bool TrimsOffsets() const override {
    return std::any_of(members_.begin(), members_.end(),
                       [](const auto& member) { return member->TrimsOffsets(); });
  }

 private:
  std::vector<std::unique_ptr<const PostProcessor>> members_;
};

}  // namespace

std::unique_ptr<const PostProcessor> MakePostProcessorSequence(const json::Value& json) {
  std::vector<std::unique_ptr<const PostProcessor>> members;
  for (const json::Value& member : StagesOfSequence(json, "processors")) {
    members.push_back(PostProcessorFromJson(member));
  }
  return std::make_unique<PostProcessorSequence>(std::move(members));
}

}  // namespace bge::tokenizer
