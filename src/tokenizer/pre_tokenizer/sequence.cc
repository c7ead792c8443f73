// Sequence: pre-tokenizers one after the other, each cutting the pieces of the one before.
#include "tokenizer/pre_tokenizer/pre_tokenizer.h"
#include "tokenizer/stage_registry.h"

#include <vector>

namespace bge::tokenizer {
namespace {

class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<const PreTokenizer>> members)
      : members_(std::move(members)) {}

  void PreTokenize(PretokenizedString* text) const override {
    for (const auto& member : members_) member->PreTokenize(text);
  }
  bool IsBert() const override { return members_.size() == 1 && members_[0]->IsBert(); }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> members_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> MakePreTokenizerSequence(const json::Value& json) {
  std::vector<std::unique_ptr<const PreTokenizer>> members;
  for (const json::Value& member : StagesOfSequence(json, "pretokenizers")) {
    members.push_back(PreTokenizerFromJson(member));
  }
  return std::make_unique<PreTokenizerSequence>(std::move(members));
}

}  // namespace bge::tokenizer
