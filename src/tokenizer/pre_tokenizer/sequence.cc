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
  std::span<const std::unique_ptr<const PreTokenizer>> Members() const override { return members_; }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> members_;
};

}  // namespace

std::optional<SentencePieceWords> AsSentencePieceWords(const PreTokenizer* pre_tokenizer) {
  if (pre_tokenizer == nullptr) return std::nullopt;
  const auto members = pre_tokenizer->Members();
  if (members.size() == 2 && members[0]->IsWhitespaceSplit()) {
    const auto metaspace = members[1]->AsMetaspace();
    return metaspace ? std::optional(SentencePieceWords{true, *metaspace}) : std::nullopt;
  }
  const PreTokenizer* const only = members.size() == 1 ? members[0].get() : pre_tokenizer;
  const auto metaspace = only->AsMetaspace();
  return metaspace ? std::optional(SentencePieceWords{false, *metaspace}) : std::nullopt;
}

std::unique_ptr<const PreTokenizer> MakePreTokenizerSequence(
    std::vector<std::unique_ptr<const PreTokenizer>> members) {
  return std::make_unique<PreTokenizerSequence>(std::move(members));
}

std::unique_ptr<const PreTokenizer> MakePreTokenizerSequence(const json::Value& json) {
  std::vector<std::unique_ptr<const PreTokenizer>> members;
  for (const json::Value& member : StagesOfSequence(json, "pretokenizers")) {
    members.push_back(PreTokenizerFromJson(member));
  }
  return MakePreTokenizerSequence(std::move(members));
}

}  // namespace bge::tokenizer
